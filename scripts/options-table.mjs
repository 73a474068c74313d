// Writes docs/options.md: every option with type, default and sentence, from the docstrings of the types.
// `--check` writes nothing and fails if the file is not up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-5.9'

const root = new URL('..', import.meta.url)
const path = (relative) => fileURLToPath(new URL(relative, root))
const TARGET = path('docs/options.md')

/** Title, file and name of the type, and the options of it that have a table of their own. */
const TABLES = [
  ['`Legion.join`, `Legion.open`', 'options.ts', 'LegionOptions', ['documents', 'timing', 'limits']],
  ['`documents`', 'docs/documents.ts', 'DocumentSettings'],
  ['`timing`', 'options.ts', 'LegionTiming'],
  ['`limits`', 'options.ts', 'LegionLimits', ['documents', 'mesh', 'messages']],
  ['`limits.documents`', 'docs/documents.ts', 'DocumentLimits'],
  ['`limits.messages`', 'messaging/messaging.ts', 'MessagingLimits'],
  ['`limits.mesh`', 'mesh/settings.ts', 'MeshLimits', ['link']],
  ['`limits.mesh.link`', 'transport/link.ts', 'LinkLimits'],
  ['`nodePlatform`', 'node/platform.ts', 'NodePlatformOptions'],
  ['`legion.group`', 'groups/group-directory.ts', 'OpenGroupOptions'],
  ['`applyConsistent`; of these `read` heeds `timeoutMs` and `signal`', 'groups/proposals.ts', 'ProposeOptions'],
  ['`call`', 'messaging/types.ts', 'CallOptions'],
  ['`broadcast`', 'messaging/types.ts', 'BroadcastOptions'],
  ['`broadcall`', 'messaging/types.ts', 'BroadcallOptions'],
]

const HEAD = `# Options

Made by \`node scripts/options-table.mjs\` from the docstrings of the types. An option that is \`undefined\` is as one that is
left out. Names end with their unit: milliseconds or bytes.
`

const TABLE_HEAD = '| option | type | default | |\n|---|---|---|---|\n'
const DEFAULT = /\s*\bDefault:? (.+)\.$/

const text = render()
if (!process.argv.includes('--check')) writeFileSync(TARGET, text)
else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('docs/options.md is not up to date: run node scripts/options-table.mjs')
  process.exitCode = 1
}

function render() {
  const files = [...new Set(TABLES.map(([, file]) => path(`lib/src/${file}`)))]
  const program = ts.createProgram(files, compilerOptions())
  const checker = program.getTypeChecker()
  const tables = TABLES.map(([title, file, name, nested = []]) => {
    const type = declaredType(program.getSourceFile(path(`lib/src/${file}`)), checker, name)
    const rows = checker.getPropertiesOfType(type).filter((option) => !nested.includes(option.name))
    const links = nested.length > 0 ? `\nBesides: ${nested.map((option) => `\`${option}\``).join(', ')}, below.\n` : ''
    return `\n## ${title}\n\n${TABLE_HEAD}${rows.map((option) => row(option, checker, name)).join('')}${links}`
  })
  return HEAD + tables.join('')
}

function compilerOptions() {
  const { config } = ts.readConfigFile(path('lib/tsconfig.json'), ts.sys.readFile)
  return ts.parseJsonConfigFileContent(config, ts.sys, path('lib')).options
}

function declaredType(source, checker, name) {
  const declaration = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name)
  return checker.getTypeAtLocation(declaration)
}

/** @throws Error for an option without a sentence, or that may be left out and does not say what then */
function row(option, checker, owner) {
  const sentence = ts.displayPartsToString(option.getDocumentationComment(checker)).replaceAll(/\s+/g, ' ').trim()
  const byDefault = sentence.match(DEFAULT)?.[1]
  const rest = sentence.replace(DEFAULT, '')
  if (rest === '') throw new Error(`${owner}.${option.name} has no docstring`)
  const mayBeLeftOut = (option.flags & ts.SymbolFlags.Optional) !== 0
  if (mayBeLeftOut && byDefault === undefined) throw new Error(`${owner}.${option.name} does not tell its default`)
  const cells = [`\`${option.name}\``, `\`${typeText(option, checker)}\``, byDefault ?? 'required', rest]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
}

/** As it is written, but for names that would tell nothing. */
function typeText(option, checker) {
  const node = option.declarations[0].type
  const type = checker.getNonNullableType(checker.getTypeFromTypeNode(node))
  if (type.isUnion() && type.types.every((member) => member.isStringLiteral())) return unionText(type)
  if (type.isTypeParameter()) return checker.typeToString(checker.getBaseConstraintOfType(type))
  const written = node.getText().replaceAll(/\s+/g, ' ')
  return written.replace(/ \| undefined$/, '').replace(/^\((.*)\)$/, '$1')
}

function unionText(type) {
  return type.types.map(({ value }) => `'${value}'`).join(' | ')
}
