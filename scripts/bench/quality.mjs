// Viewers and publisher behind bad networks; prints the generator's own table.

import { generateTable, withServer } from './rig.mjs'

export const about = 'viewers and publisher behind bad networks: what stays missing, what is sent again, stalls'

export const options = {
  scenes: { type: 'string', default: 'clean,loss5,loss10,loss20,burst,uplink5', about: 'situations, or all' },
  seconds: { type: 'string', default: '15', about: 'length of a situation' },
}

export async function run({ scenes, seconds }) {
  const flags = ['-scenes', scenes, '-codec', 'h264', '-duration', `${seconds}s`]
  await withServer(({ whip, whep }) => generateTable('quality', ['-whip', whip, '-whep', whep, ...flags]))
}
