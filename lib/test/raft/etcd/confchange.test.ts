import { describe, expect, it } from 'vitest'
import {
  type ConfigProblem,
  type ConfigResult,
  changeDirectly,
  enterJoint,
  leaveJointConfiguration,
} from '../../../src/raft/configuration.js'
import { describeConfiguration, describeProgress } from '../../../src/raft/describe.js'
import { emptyState } from '../../../src/raft/options.js'
import { Tracker } from '../../../src/raft/tracker.js'
import { parseChanges } from './changes.js'
import { readScripts, type Stanza, scriptsAvailable } from './script.js'

const LIMITS = { maxInflightMessages: 10, maxInflightBytes: 1000 }

const PROBLEMS: Readonly<Record<ConfigProblem, string>> = {
  'already-joint': 'config is already joint',
  'not-joint': "can't leave a non-joint config",
  'no-voters-yet': "can't make a zero-voter config joint",
  'no-voters-left': 'removed all voters',
  'more-than-one-voter-changed': 'more than one voter changed without entering joint config',
  'witness-without-data': 'a witness has no data',
  'too-many-witnesses': 'witnesses alone could decide',
}

describe.skipIf(!scriptsAvailable)('configuration change scripts of etcd', () => {
  for (const [file, stanzas] of readScripts('confchange')) {
    it(`[RFT2] ${file}`, () => {
      const tracker = new Tracker(emptyState.snapshot.configuration, 1, LIMITS)
      stanzas.forEach((stanza, lastIndex) => {
        expect(run(tracker, stanza, lastIndex), `line ${stanza.line}`).toBe(stanza.expected)
      })
    })
  }
})

function run(tracker: Tracker, stanza: Stanza, lastIndex: number): string {
  const result = change(tracker, stanza)
  if (!result.ok) {
    const simpleWhileJoint = stanza.command === 'simple' && result.problem === 'already-joint'
    return simpleWhileJoint ? "can't apply simple config change in joint config" : PROBLEMS[result.problem]
  }
  tracker.adopt(result.configuration, Math.max(lastIndex, 1))
  const members = tracker.members.map((each) => `\n${each.id}: ${describeProgress(each.status())}`)
  return describeConfiguration(tracker.configuration) + members.join('')
}

function change({ configuration }: Tracker, { command, named, input }: Stanza): ConfigResult {
  if (command === 'leave-joint') return leaveJointConfiguration(configuration)
  if (command === 'simple') return changeDirectly(configuration, parseChanges(input))
  return enterJoint(configuration, parseChanges(input), named.get('autoleave') === 'true')
}
