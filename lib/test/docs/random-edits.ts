import * as Y from 'yjs'
import { pick, type RandomStream, randomInt } from '../../src/base/random.js'

/** One to three random edits in one transaction, of text, array, map and XML, nested ones too. */
export function editAnything(y: Y.Doc, random: RandomStream): void {
  y.transact(() => {
    for (let n = randomInt(random, 3); n >= 0; n--) pick(random, [editText, editArray, editMap, editXml])(y, random)
  })
}

type Edit = (y: Y.Doc, random: RandomStream) => void

const editText: Edit = (y, random) => {
  const text = y.getText('t')
  const at = randomInt(random, text.length + 1)
  const length = Math.min(text.length - at, randomInt(random, 6))
  const edits = [
    // No surrogate pairs: formatting the half of one changes it in Yjs, without an operation that others would get.
    () => text.insert(at, pick(random, ['a', 'word ', 'ünïcode ', '中文 '])),
    () => text.insert(at, 'bold', { bold: true }),
    () => text.insertEmbed(at, { image: 'x.png' }),
    () => length > 0 && text.delete(at, length),
    () => length > 0 && text.format(at, length, { bold: pick(random, [true, null]) }),
  ]
  pick(random, edits)()
}

const editArray: Edit = (y, random) => {
  const array = y.getArray<unknown>('a')
  const at = randomInt(random, array.length + 1)
  const length = Math.min(array.length - at, 1 + randomInt(random, 2))
  const nested = array.get(randomInt(random, Math.max(1, array.length)))
  const edits = [
    () => array.insert(at, [randomInt(random, 100), { plain: true }, new Uint8Array([1, 2, 3])]),
    () => array.insert(at, [new Y.Array(), new Y.Map([['n', 1]])]),
    () => nested instanceof Y.Array && nested.push([randomInt(random, 100)]),
    () => length > 0 && array.delete(at, length),
  ]
  pick(random, edits)()
}

const editMap: Edit = (y, random) => {
  const map = y.getMap<unknown>('m')
  const key = pick(random, ['one', 'two', 'three'])
  const nested = map.get('nested')
  const edits = [
    () => map.set(key, pick(random, [1, 'text', null, { deep: [1, 2] }])),
    () => map.delete(key),
    () => map.set('nested', new Y.Map()),
    () => nested instanceof Y.Map && nested.set(key, new Y.Text('hello')),
  ]
  pick(random, edits)()
}

const editXml: Edit = (y, random) => {
  const fragment = y.getXmlFragment('x')
  const at = randomInt(random, fragment.length + 1)
  const child = fragment.length > 0 ? fragment.get(randomInt(random, fragment.length)) : undefined
  const edits = [
    () => fragment.insert(at, [new Y.XmlElement(pick(random, ['p', 'h1']))]),
    () => child instanceof Y.XmlElement && child.insert(0, [new Y.XmlText('text')]),
    () => child instanceof Y.XmlElement && child.setAttribute('class', pick(random, ['a', 'b'])),
    () => at < fragment.length && fragment.delete(at, 1),
  ]
  pick(random, edits)()
}
