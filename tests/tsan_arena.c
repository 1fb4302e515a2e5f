/* tsan_arena.c - lets Criterion run under ThreadSanitizer.
 *
 * Criterion keeps what its processes share at an address drawn by rand_r from 2^22 places, 16 MB
 * apart, beginning at 0x200000000000; ThreadSanitizer refuses almost all of them.  This rand_r,
 * which the tests' program puts before libc's, draws from the places between 0x550000000000 and
 * where programs are loaded: both agree on these. */
#ifdef __SANITIZE_THREAD__

int rand_r(unsigned *seed);

int rand_r(unsigned *seed) {
    enum { FIRST = 0x350000, PLACES = 0x5000 };
    *seed = *seed * 1103515245u + 12345u;
    return FIRST + (int)(*seed / 65536 % PLACES);
}

#endif
