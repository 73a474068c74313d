export const machine = 'a string'
