/* unit_layout.c - a change of the segment's layout must change the committed layout number. */
#include "ipc/layout.h"

#include <criterion/criterion.h>
#include <string.h>

/* The layout number of this version.  If the first test fails, the layout has changed and a running
 * server of the previous version cannot be upgraded to this one: say so in the release notes, and
 * commit the number that the test prints. */
enum { COMMITTED = 0x00a387a7 };

Test(layout, has_the_committed_number) {
    cr_assert_eq(layout_number(), (uint32_t)COMMITTED,
                 "the segment's layout is now 0x%08x; the committed one is 0x%08x", layout_number(),
                 (unsigned)COMMITTED);
}

/* A field of a struct that is missing in the table leaves a gap. */
Test(layout, table_covers_every_byte_of_every_struct) {
    struct layout own = layout_own();
    const struct layout_row *rows = own.row;
    size_t count = own.count;
    unsigned types = 0;
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].type[0] || rows[i].field[0])
            continue;
        uint32_t end = 0;
        bool found = true;
        types++;
        while (found && end < rows[i].size) {
            found = false;
            for (size_t k = 0; k < count && !found; k++) {
                found = rows[k].field[0] && strcmp(rows[k].type, rows[i].type) == 0 &&
                        rows[k].offset == end && rows[k].size > 0;
                end += found ? rows[k].size : 0;
            }
        }
        cr_expect_eq(end, rows[i].size, "struct %s: no row for byte %u of %u", rows[i].type, end,
                     rows[i].size);
    }
    cr_assert_geq(types, 18);
}

/* Two flags of one bit would compile, and be one flag. */
Test(layout, each_flag_of_a_client_has_a_bit_of_its_own) {
    struct layout own = layout_own();
    const struct layout_row *rows = own.row;
    size_t count = own.count;
    uint32_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = rows[i].offset;
        if (rows[i].type[0] || strncmp(rows[i].field, "FACT_", 5) != 0)
            continue;
        cr_expect(bit != 0 && (bit & (bit - 1)) == 0, "%s is not one bit", rows[i].field);
        cr_expect_not(taken & bit, "%s has another flag's bit", rows[i].field);
        taken |= bit;
    }
    cr_assert_geq(__builtin_popcount(taken), 19);
}

/* Every struct of the segment has its own rows. */
Test(layout, each_field_belongs_to_a_type_in_the_table) {
    struct layout own = layout_own();
    const struct layout_row *rows = own.row;
    size_t count = own.count;
    for (size_t i = 0; i < count; i++) {
        bool known = !rows[i].type[0];
        for (size_t k = 0; k < count && !known; k++)
            known = !rows[k].field[0] && strcmp(rows[k].type, rows[i].type) == 0;
        cr_expect(known, "struct %s has no row for itself", rows[i].type);
    }
}
