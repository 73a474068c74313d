import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { paths } from './paths.js'

const run = promisify(execFile)

const INDEX =
  '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/main.ts"></script></body>'
const TSCONFIG = {
  compilerOptions: {
    target: 'ES2022',
    module: 'ESNext',
    moduleResolution: 'bundler',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: [],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['main.ts'],
}

/** A Vite project outside this one, with the packed library in it, as a user's. */
export class FreshProject {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** @param program what stands in its `main.ts` */
  static async create(program: string): Promise<FreshProject> {
    const project = new FreshProject(await mkdtemp(join(tmpdir(), 'legion-fresh-')))
    await project.#write('package.json', JSON.stringify({ name: 'fresh', private: true, type: 'module' }))
    await project.#write('tsconfig.json', JSON.stringify(TSCONFIG))
    await project.#write('index.html', INDEX)
    await project.#write('main.ts', program)
    await project.#install()
    return project
  }

  /** Type-checks and builds it, with the compiler and the Vite of this repository. Rejects with their complaints. */
  async build(): Promise<void> {
    await this.#run(process.execPath, [paths.tsc, '-p', '.'])
    await this.#run(process.execPath, [paths.vite, 'build', '--logLevel', 'warn'])
  }

  /** What `build` made. */
  get site(): string {
    return join(this.folder, 'dist')
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true })
  }

  async #install(): Promise<void> {
    const packed = await run('npm', ['pack', '--json', '--pack-destination', this.folder], { cwd: paths.library })
    const [{ filename }] = JSON.parse(packed.stdout)
    await this.#run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', `./${filename}`, 'yjs@13'])
  }

  #write(file: string, content: string): Promise<void> {
    return writeFile(join(this.folder, file), content)
  }

  async #run(command: string, args: readonly string[]): Promise<void> {
    await run(command, args, { cwd: this.folder }).catch(({ message, stdout }) => {
      throw new Error(`${message}\n${stdout}`)
    })
  }
}
