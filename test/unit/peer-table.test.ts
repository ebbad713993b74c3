import { describe, expect, it } from 'vitest';
import { type SilentPeers, silentPeers } from '../../server/loop/peer-table.js';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

/** As Linux prints a connection of port 8080 (1F90). */
function row(
  theirs: string,
  { local = '0107C70A:1F90', state = '01', timer = '01', again = 6 } = {},
): string {
  const count = again.toString(16).toUpperCase().padStart(8, '0');
  return `22955: ${local} ${theirs} ${state} 0000000B:00000000 ${timer}:0000000D ${count}     0        0 10010035 2 00000000de798f6e 20 4 30 11 -1`;
}

function found(...lines: string[]): SilentPeers {
  const finding = silentPeers(8080, 6);
  for (const line of [HEAD, ...lines]) finding.see(line);
  return finding.found();
}

describe('the peers of a port that acknowledge nothing', () => {
  it('are those to whom the same was sent often enough', () => {
    const { connections, addresses } = found(
      row('0207C70A:D3D8', { again: 6 }),
      row('0307C70A:D3D8', { again: 5 }),
      row('0407C70A:0050', { again: 12 }),
    );
    expect([...connections]).toEqual(['10.199.7.2:54232', '10.199.7.4:80']);
    expect([...addresses]).toEqual(['10.199.7.2', '10.199.7.4']);
  });

  it('share their address with nobody that answers, where they go by their address', () => {
    const { connections, addresses } = found(
      row('0207C70A:D3D8'),
      row('0207C70A:D3D9', { timer: '00', again: 0 }),
      row('0307C70A:D3D8'),
      row('0307C70A:D3D9'),
    );
    expect(connections.size).toBe(3);
    expect([...addresses]).toEqual(['10.199.7.3']);
  });

  it('are not those who keep their window closed, nor those of other ports, nor who is leaving anyway', () => {
    const { connections } = found(
      row('0207C70A:D3D8', { timer: '04' }),
      row('0207C70A:D3D9', { local: '0107C70A:1F91' }),
      row('0207C70A:D3DA', { state: '04' }),
      'no row at all',
      '',
    );
    expect(connections.size).toBe(0);
  });

  it('are written as the loops write them when they come over IPv6', () => {
    const { connections } = found(
      row('0000000000000000FFFF00000207C70A:D3D8'),
      row('00000000000000000000000001000000:D3D8'),
      row('B80D0120000000000000000042000000:D3D8'),
    );
    expect([...connections]).toEqual(['10.199.7.2:54232', '::1:54232', '2001:db8::42:54232']);
  });
});
