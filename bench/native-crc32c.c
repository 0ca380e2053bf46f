/* CRC-32C by the processor's own instruction: one stream, and three streams at once, which is as fast as the instruction goes.
   Reads the length of the buffer from the command line and then, for every line of its input, prints one round's GB/s of both. */
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LANE 4096
static uint32_t shifts[2][4][256];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int i = 0; i < 32; i++) {
    if (b & (0x80000000u >> i)) product ^= a;
    a = (a >> 1) ^ (a & 1 ? 0x82f63b78 : 0);
  }
  return product;
}

static void build(int k, size_t bytes) {
  uint32_t x = 0x80000000u;
  for (size_t i = 0; i < bytes * 8; i++) x = (x >> 1) ^ (x & 1 ? 0x82f63b78 : 0);
  for (int j = 0; j < 4; j++)
    for (uint32_t b = 0; b < 256; b++) shifts[k][j][b] = multiply(b << (8 * j), x);
}

static uint32_t shift(int k, uint32_t c) {
  return shifts[k][0][c & 255] ^ shifts[k][1][c >> 8 & 255] ^ shifts[k][2][c >> 16 & 255] ^ shifts[k][3][c >> 24];
}

static uint64_t word(const uint8_t *p) {
  uint64_t w;
  memcpy(&w, p, 8);
  return w;
}

static uint32_t one(uint64_t c, const uint8_t *p, size_t n) {
  for (; n >= 8; p += 8, n -= 8) c = _mm_crc32_u64(c, word(p));
  for (; n > 0; p++, n--) c = _mm_crc32_u8((uint32_t)c, *p);
  return (uint32_t)c;
}

static uint32_t three(uint64_t c, const uint8_t *p, size_t n) {
  for (; n >= 3 * LANE; p += 3 * LANE, n -= 3 * LANE) {
    uint64_t a = c, b = 0, d = 0;
    for (size_t i = 0; i < LANE; i += 8) {
      a = _mm_crc32_u64(a, word(p + i));
      b = _mm_crc32_u64(b, word(p + LANE + i));
      d = _mm_crc32_u64(d, word(p + 2 * LANE + i));
    }
    c = shift(1, (uint32_t)a) ^ shift(0, (uint32_t)b) ^ (uint32_t)d;
  }
  return one(c, p, n);
}

int main(int count, char **arguments) {
  size_t n = count > 1 ? strtoul(arguments[1], NULL, 10) : 1 << 20;
  uint8_t *bytes = malloc(n);
  build(0, LANE);
  build(1, 2 * LANE);
  for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 13);
  if (one(~0u, bytes, n) != three(~0u, bytes, n)) return 1;
  volatile uint32_t sink;
  for (int c = getchar(); c != EOF; c = getchar()) {
    double best[2] = {1e9, 1e9};
    for (int i = 0; i < 50; i++) {
      double t = now();
      sink = one(~0u, bytes, n);
      double passed = now() - t;
      if (passed < best[0]) best[0] = passed;
      t = now();
      sink = three(~0u, bytes, n);
      passed = now() - t;
      if (passed < best[1]) best[1] = passed;
    }
    printf("%.3f %.3f\n", n / best[0] / 1e9, n / best[1] / 1e9);
    fflush(stdout);
  }
  (void)sink;
  return 0;
}
