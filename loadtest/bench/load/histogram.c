#include "load.h"

#include <string.h>

/* 64 steps to each power of two. */
#define STEPS 64
#define BUCKETS (64 * STEPS)

static uint64_t counts[BUCKETS], total;
static int64_t highest;

static unsigned bucket_of(uint64_t value) {
  if (value < STEPS) return (unsigned)value;
  unsigned power = 63u - (unsigned)__builtin_clzll(value);
  return (power - 5) * STEPS + (unsigned)((value >> (power - 6)) - STEPS);
}

static double lower_bound(unsigned bucket) {
  if (bucket < STEPS) return bucket;
  unsigned power = bucket / STEPS + 5;
  return (double)((uint64_t)(bucket % STEPS + STEPS) << (power - 6));
}

void histogram_reset(void) {
  memset(counts, 0, sizeof counts);
  total = 0;
  highest = 0;
}

void histogram_add(int64_t duration) {
  if (duration < 0) duration = 0;
  if (duration > highest) highest = duration;
  counts[bucket_of((uint64_t)duration)]++;
  total++;
}

double histogram_quantile(double q) {
  uint64_t wanted = (uint64_t)((double)total * q), seen = 0;
  for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
    seen += counts[bucket];
    if (counts[bucket] && seen > wanted) return lower_bound(bucket);
  }
  return (double)highest;
}

double histogram_highest(void) { return (double)highest; }
