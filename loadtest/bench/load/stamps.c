#include "load.h"

#include <string.h>

/*
 * A stamp is `@@` and 16 digits: nanoseconds of the monotonic clock at the commit. Every delivered message carries one,
 * however many of them share a frame, and one may be cut by the end of what was read. A publisher's stamps rise, so one
 * that does not was delivered twice or out of order.
 */
#define OPENING 2
#define WHOLE (OPENING + 16)

static void delivered(struct peer *peer, int64_t now) {
  if (peer->stamp <= peer->last_stamp) counters.misordered++;
  peer->last_stamp = peer->stamp;
  if (counters.deliveries++ == 0) counters.first = now;
  counters.last = now;
  histogram_add(now - (int64_t)peer->stamp);
}

void find_stamps(struct peer *peer, const char *bytes, size_t length, int64_t now) {
  const char *end = bytes + length;
  while (bytes < end) {
    if (peer->stamp_length == 0) {
      bytes = memchr(bytes, '@', (size_t)(end - bytes));
      if (!bytes) return;
      bytes++;
      peer->stamp_length = 1;
      continue;
    }
    char c = *bytes++;
    if (peer->stamp_length < OPENING) {
      peer->stamp_length = c == '@' ? OPENING : 0;
      peer->stamp = 0;
    } else if (c >= '0' && c <= '9') {
      peer->stamp = peer->stamp * 10 + (uint64_t)(c - '0');
      if (++peer->stamp_length < WHOLE) continue;
      delivered(peer, now);
      peer->stamp_length = 0;
    } else {
      peer->stamp_length = 0;
    }
  }
}
