import { afterEach, describe, expect, it } from 'vitest'
import { Lab } from '../src/lab/lab.js'

const labs: Lab[] = []

afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.stop()
})

function newLab(runs: number): Lab {
  const lab = new Lab({ runs, only: '', quick: false })
  labs.push(lab)
  return lab
}

describe('a lab', () => {
  it('[BEN9] runs its subjects in turn, after a warm-up that does not count', async () => {
    const order: string[] = []
    const subject = (name: string) => async () => ({ value: order.push(name) })
    const measured = await newLab(3).measure({ ours: subject('ours'), beside: subject('beside') })
    expect(order).toEqual(['ours', 'beside', 'ours', 'beside', 'ours', 'beside', 'ours', 'beside'])
    expect(measured.ours.value).toEqual({ median: 5, min: 3, max: 7, runs: [3, 5, 7] })
  })

  it('[BEN9] warms up with less where that is wanted', async () => {
    const order: string[] = []
    const subject = (name: string) => async () => ({ value: order.push(name) })
    const lab = newLab(2)
    await lab.measure({ ours: subject('ours') }, { little: subject('little') })
    expect(order).toEqual(['little', 'ours', 'ours'])
    expect(Object.keys(lab.subjectSeconds)).toEqual(['ours'])
  })

  it('[BEN7] tells in which phase the time went', async () => {
    const lab = newLab(1)
    const slow = () => new Promise<{ value: number }>((resolve) => setTimeout(() => resolve({ value: 1 }), 30))
    await lab.measure({ slow }, {})
    expect(lab.phases.measuring).toBeGreaterThan(0.02)
    expect(lab.phases.profile).toBe(0)
    expect(lab.subjectSeconds['slow']).toBeGreaterThan(0.02)
  })
})
