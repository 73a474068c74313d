import { whenHere } from '../base/deferred.js'
import type { Documents } from '../docs/documents.js'
import { type AgreedDocument, OpenAgreedDocument } from './agreed-document.js'
import type { Agreements } from './agreements.js'

/** The agreed documents of this peer. What they need besides their agreements is here before any is. */
export class AgreedDocuments {
  readonly #documents: Documents
  readonly #agreements: Agreements | Promise<Agreements>
  readonly #open = new Map<string, OpenAgreedDocument>()

  /** @param agreements or when the code for them will be here */
  constructor(documents: Documents, agreements: Agreements | Promise<Agreements>) {
    this.#documents = documents
    this.#agreements = agreements
  }

  /** @throws LegionError as `Documents.open` */
  open(name: string): AgreedDocument {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    const agreements = this.#agreements
    const opened = new OpenAgreedDocument({
      document: this.#documents.open(name),
      agree: (draft) => whenHere(agreements, (there) => there.open(draft)),
      closed: () => this.#open.delete(name),
    })
    this.#open.set(name, opened)
    return opened
  }

  close(): void {
    for (const document of [...this.#open.values()]) document.close()
    void whenHere(this.#agreements, (agreements) => agreements.close())
  }
}
