const STORED_NAME = 'legion-demo.name'

const FIRST = 'Amber Brisk Calm Clever Coral Dusky Eager Fabled Gentle Golden Hazel Jolly Keen Lucky Merry Nimble'
const FIRST_MORE = 'Olive Patient Quiet Rosy Silver Sunny Tidy Velvet Violet Witty'
const LAST = 'Badger Beaver Cricket Dormouse Falcon Finch Fox Hare Heron Ibis Jackdaw Kestrel Lark Lynx Magpie Marten'
const LAST_MORE = 'Newt Otter Owl Puffin Robin Seal Sparrow Stoat Swift Wren'

const FIRST_WORDS = `${FIRST} ${FIRST_MORE}`.split(' ')
const LAST_WORDS = `${LAST} ${LAST_MORE}`.split(' ')

/** A name like `Quiet Heron`, kept over reloads of this tab; a duplicated tab gets another. */
export function nameOfTab(): string {
  const stored = isReload() ? sessionStorage.getItem(STORED_NAME) : null
  const name = stored ?? drawName()
  sessionStorage.setItem(STORED_NAME, name)
  return name
}

function isReload(): boolean {
  const [navigation] = performance.getEntriesByType('navigation')
  return navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload'
}

function drawName(): string {
  return `${oneOf(FIRST_WORDS)} ${oneOf(LAST_WORDS)}`
}

function oneOf(words: readonly string[]): string | undefined {
  return words[Math.floor(Math.random() * words.length)]
}

/** At most two characters that stand for a name: `QH`. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '')
  const [first = '?', last = ''] = words.length > 1 ? [words[0], words.at(-1)] : words
  return `${firstCharacter(first)}${firstCharacter(last)}`.toUpperCase()
}

function firstCharacter(word: string): string {
  return [...word][0] ?? ''
}

/** The same colour for the same name in every tab, and over a reload. */
export function colourOf(name: string, opacity = 1): string {
  return `oklch(0.56 0.14 ${hueOf(name)} / ${opacity})`
}

/** FNV-1a, spread over the circle. */
function hueOf(name: string): number {
  let hash = 0x811c9dc5
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return (hash >>> 0) % 360
}
