/* unit_parts.c - the rings lie where a kernel with large pages can map them. */
#include "ipc/parts.h"

#include "tests/unit_segment.h"

#include <criterion/criterion.h>

TestSuite(parts, .timeout = 60);

Test(parts, every_ring_begins_with_a_page_of_64_kB) {
    static const uint32_t clients[] = {1, 7, 100, 999, 10000, 1000000};
    static const uint32_t sizes[] = {65536, 1 << 20, 1 << 30};
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct config config = unit_config(sizes[k]);
            struct geometry geometry;
            config.max_clients = clients[i];
            segment_geometry(&geometry, &config, clients[i] + 2100);
            struct parts parts = parts_of(&geometry);
            for (int e = 0; e < RING_COUNT; e++)
                cr_assert_eq(parts.ring[e] % 65536, 0, "%u clients, ring %d", clients[i], e);
            cr_assert_eq(parts.size % 65536, 0, "%u clients", clients[i]);
        }
    }
}
