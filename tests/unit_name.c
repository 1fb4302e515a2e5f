/* unit_name.c - which texts are names, and which names are the same name. */
#include "ipc/unicode.h"
#include "worker/text/name.h"

#include <criterion/criterion.h>
#include <string.h>

static const char room[] = "Chatroom";

static const struct {
    const char *name;
    enum name_error error;
} cases[] = {
    /* names */
    {"bob", NAME_OK},
    {"Bob.Smith_2-x", NAME_OK},
    {"1", NAME_OK},
    {"2pac", NAME_OK},
    {"小明", NAME_OK},
    {"小明2", NAME_OK},
    {"小明Bob", NAME_OK},
    {"さくら", NAME_OK},
    {"サクラ子", NAME_OK},
    {"ラーメン", NAME_OK},
    {"佐々木", NAME_OK},
    {"Tokyoのサクラ木", NAME_OK},
    {"ㄅㄆㄇ國", NAME_OK},
    {"김민수", NAME_OK},
    {"金민수Kim", NAME_OK},
    {"ㅋㅋㅋ", NAME_OK},
    {"Александр", NAME_OK},
    {"Ωμέγα", NAME_OK},
    {"محمد", NAME_OK},
    {"שלום", NAME_OK},
    {"हिन्दी", NAME_OK},
    {"ไทยกำ", NAME_OK},
    {"தமிழ்", NAME_OK},
    {"José", NAME_OK},
    {"Jose\314\201", NAME_OK},
    {"Nguyễn", NAME_OK},
    {"Ｂｏｂ１", NAME_OK}, /* full width, as a Chinese keyboard sends it; the same name as bob1 */
    {"٣محمد", NAME_OK},
    {"aaaaaaaaaaaaaaaaaaaaaaaa", NAME_OK},
    {"明明明明明明明明明明明明明明明明明明明明明明明明", NAME_OK},
    /* no names */
    {"", NAME_EMPTY},
    {"aaaaaaaaaaaaaaaaaaaaaaaaa", NAME_TOO_LONG},
    {"明明明明明明明明明明明明明明明明明明明明明明明明明", NAME_TOO_LONG},
    {"bob smith", NAME_BAD_CHARACTER},
    {" bob", NAME_BAD_CHARACTER},
    {"***", NAME_BAD_CHARACTER},
    {"bob:", NAME_BAD_CHARACTER},
    {"/bob", NAME_BAD_CHARACTER},
    {"[bob]", NAME_BAD_CHARACTER},
    {"bob\302\240smith", NAME_BAD_CHARACTER},    /* no-break space */
    {"bob\343\200\200", NAME_BAD_CHARACTER},     /* ideographic space */
    {"bob\342\240\200", NAME_BAD_CHARACTER},     /* empty braille */
    {"bob\033", NAME_BAD_CHARACTER},             /* escape */
    {"\033[31mbob", NAME_BAD_CHARACTER},         /* colour */
    {"bob\177", NAME_BAD_CHARACTER},             /* delete */
    {"bob\t", NAME_BAD_CHARACTER},               /* tab */
    {"b\302\233ob", NAME_BAD_CHARACTER},         /* C1 as UTF-8 */
    {"b\233ob", NAME_BAD_CHARACTER},             /* C1 raw */
    {"b\342\200\256ob", NAME_BAD_CHARACTER},     /* right-to-left override */
    {"bob\342\200\217", NAME_BAD_CHARACTER},     /* right-to-left mark */
    {"b\342\201\246ob", NAME_BAD_CHARACTER},     /* isolate */
    {"bob\342\200\213", NAME_BAD_CHARACTER},     /* zero width space */
    {"bob\342\200\215", NAME_BAD_CHARACTER},     /* joiner */
    {"\357\273\277bob", NAME_BAD_CHARACTER},     /* byte order mark */
    {"bo\302\255b", NAME_BAD_CHARACTER},         /* soft hyphen */
    {"\343\205\244", NAME_BAD_CHARACTER},        /* Hangul filler */
    {"bob\363\240\201\201", NAME_BAD_CHARACTER}, /* tag */
    {"bob\357\270\217", NAME_BAD_CHARACTER},     /* variation selector */
    {"bob\356\200\200", NAME_BAD_CHARACTER},     /* private use */
    {"bob\315\270", NAME_BAD_CHARACTER},         /* unassigned */
    {"bob\357\277\277", NAME_BAD_CHARACTER},     /* noncharacter */
    {"bob\357\277\275", NAME_BAD_CHARACTER},     /* replacement character */
    {"\300\257bob", NAME_BAD_CHARACTER},         /* overlong */
    {"\355\240\275bob", NAME_BAD_CHARACTER},     /* lone surrogate */
    {"bo\360\237\230", NAME_BAD_CHARACTER},      /* truncated */
    {"😀", NAME_BAD_CHARACTER},                   /* an emoji is no letter */
    {"①", NAME_BAD_CHARACTER},                   /* no decimal digit */
    {"𝐁𝐨𝐛", NAME_BAD_CHARACTER},                 /* mathematical letters */
    {"ﬁsh", NAME_BAD_CHARACTER},                 /* a ligature */
    {"ª", NAME_BAD_CHARACTER},                   /* ordinal */
    {"bobː", NAME_BAD_CHARACTER},                /* a letter that looks like a colon */
    {"Oʼbob", NAME_BAD_CHARACTER},               /* a letter that looks like a quote */
    {"bobǃ", NAME_BAD_CHARACTER},                /* a letter that looks like an exclamation mark */
    {"豈\357\244\200", NAME_BAD_CHARACTER},      /* a duplicate of a Chinese character */
    {"\314\201bob", NAME_BAD_CHARACTER},         /* a mark without a letter */
    {"b1\314\201", NAME_BAD_CHARACTER},          /* a mark on a digit */
    {"b_\314\201", NAME_BAD_CHARACTER},          /* a mark on a low line */
    {"a\314\201\314\202\314\203\314\204\314\205", NAME_BAD_CHARACTER}, /* too many marks */
    {"pаypal", NAME_MIXED_SCRIPTS},                                    /* Cyrillic a */
    {"bοb", NAME_MIXED_SCRIPTS},                                       /* Greek o */
    {"бοб", NAME_MIXED_SCRIPTS},                                       /* Greek in Cyrillic */
    {"小明Иван", NAME_MIXED_SCRIPTS},
    {"김サクラ", NAME_MIXED_SCRIPTS},
    {"ㄅさ", NAME_MIXED_SCRIPTS},
    {"bob٣", NAME_MIXED_SCRIPTS}, /* digits of another script */
    {"chatroom", NAME_RESERVED},
    {"ＣＨＡＴＲＯＯＭ", NAME_RESERVED},
    {"chatrооm", NAME_MIXED_SCRIPTS},
    {"chatroom1", NAME_OK},
    /* Korean: what takes no column belongs to a syllable */
    {"\341\204\200\341\205\241", NAME_OK},             /* L V */
    {"\341\204\200\341\205\265\341\206\267", NAME_OK}, /* L V T */
    {"가\341\206\267", NAME_OK},                       /* LV T */
    {"\352\245\240\355\236\260\355\237\213", NAME_OK}, /* the same of old letters */
    {"bob\341\205\241", NAME_BAD_CHARACTER},           /* V alone */
    {"\341\205\241", NAME_BAD_CHARACTER},
    {"bob\341\206\267", NAME_BAD_CHARACTER}, /* T alone */
    {"bob\355\236\260", NAME_BAD_CHARACTER},
    {"bob\355\237\273", NAME_BAD_CHARACTER},
    {"李明\341\205\241", NAME_BAD_CHARACTER},
    {"김\341\205\241", NAME_BAD_CHARACTER}, /* behind a whole syllable */
    {"김\341\206\267", NAME_BAD_CHARACTER},
    {"ㅋ\341\205\241", NAME_BAD_CHARACTER},
    {"1\341\205\241", NAME_BAD_CHARACTER},
    {"\341\204\200\341\205\241\341\205\241", NAME_BAD_CHARACTER},
    {"\341\204\200\314\201\341\205\241", NAME_BAD_CHARACTER},
    /* a name begins with a letter or digit */
    {"..a", NAME_BAD_CHARACTER},
    {"...", NAME_BAD_CHARACTER},
    {"-", NAME_BAD_CHARACTER},
    {"_x", NAME_BAD_CHARACTER},
    {"-to", NAME_BAD_CHARACTER},
    {".1", NAME_BAD_CHARACTER},
    {"ـعمر", NAME_BAD_CHARACTER},
    {"ــ", NAME_BAD_CHARACTER},
    {"a..", NAME_OK},
    {"x_", NAME_OK},
    /* times, dates, addresses */
    {"21.04", NAME_RESERVED},
    {"11-24", NAME_RESERVED},
    {"127.0.0.1", NAME_RESERVED},
    {"2026-11-26_21.04", NAME_RESERVED},
    {"1.", NAME_RESERVED},
    {"２１.０４", NAME_RESERVED},
    {"٢١.٠٤", NAME_RESERVED},
    {"२१-०४", NAME_RESERVED},
    {"2l.O4", NAME_RESERVED},
    {"I27.0.0.1", NAME_RESERVED},
    {"12345", NAME_OK},
    {"٣٤", NAME_OK},
    {"21.04a", NAME_OK},
    {"v1.2", NAME_OK},
    {"O.o", NAME_OK},
    {"I.O", NAME_OK},
    {"looks", NAME_OK},
};

Test(name, which_texts_are_names) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(name_check(cases[i].name, strlen(cases[i].name), room), cases[i].error,
                     "%zu: %s is %d", i, cases[i].name,
                     name_check(cases[i].name, strlen(cases[i].name), room));
}

Test(name, the_room_s_name_is_reserved_whatever_it_is) {
    cr_expect_eq(name_check("大厅", 6, "大厅"), NAME_RESERVED);
    cr_expect_eq(name_check("Cafe\314\201", 6, "CAFÉ"), NAME_RESERVED);
    cr_expect_eq(name_check("bob", 3, ""), NAME_OK);
    cr_expect_eq(name_check("bob", 3,
                            "bob's room, with more words than a name could ever have, "
                            "and more still, so that it is longer than a folded name"),
                 NAME_OK);
    cr_expect_eq(name_check("a\0b", 3, room), NAME_BAD_CHARACTER);
}

static bool same_name(const char *one, const char *other) {
    static const uint8_t key[16] = {1, 2, 3};
    size_t n = strlen(one), m = strlen(other);
    return name_key(one, n, key) == name_key(other, m, key) ||
           name_look_key(one, n, key) == name_look_key(other, m, key);
}

static const char *const same[][2] = {
    {"bob", "BOB"},
    {"bob", "ＢｏＢ"},
    {"bob1", "ｂｏｂ１"},
    {"José", "jose\314\201"},
    {"straße", "STRASSE"},
    {"Ωμέγα", "ωΜΈΓΑ"},
    {"Σίσυφος", "ΣΊΣΥΦΟΣ"}, /* final sigma */
    {"вова", "ВОВА"},
    {"BOB", "ВОВ"}, /* all Cyrillic */
    {"cop", "сор"},
    {"nik", "ΝΙΚ"},     /* all Greek */
    {"admin", "ɑdmin"}, /* phonetic a */
    {"bill", "bıll"},   /* i without a dot */
    {"anna", "ᴀɴɴᴀ"},   /* small capitals */
    {"Nguyễn", "nguye\314\202\314\203n"},
    {"Việt", "vie\314\243\314\202t"},
    {"Việt", "vie\314\202\314\243t"}, /* marks in the other order */
    {"が", "か\343\202\231"},
    {"ガ", "ｶﾞ"},
    {"김", "\341\204\200\341\205\265\341\206\267"}, /* syllable, spelt out */
    {"가", "\341\204\200\341\205\241"},
    {"क\340\244\274", "\340\245\230"}, /* Devanagari qa */
    {"エロ", "工口"},
    {"٣", "3"},
    {"ꓮꓐ", "ab"},
    {"mike", "mi\314\207ke"}, /* a second dot */
    {"jan", "j\314\207an"},
    {"jan", "ȷ\314\207an"},
    {"i", "ı\314\207"},
    {"mike", "ｍｉ\314\207ｋｅ"},
    {"вій", "ві\314\207й"},
    {"ion", "ι\314\207ον"},
    {"jį", "ji\314\250\314\207"},
    {"jį", "jį\314\207"},
    {"ị", "i\314\207\314\243"},
    {"عمر", "عـمر"}, /* the line that joins letters */
    {"عمر", "عمــــر"},
    {"عمر", "عمرـ"},
    {"ߞߊ", "ߞߺߊ"},
};
static const char *const different[][2] = {
    {"bob", "rob"},     {"bob1", "bob2"}, {"b0b", "bob"},   {"jose", "josé"},     {"小明", "小名"},
    {"bob", "bob."},    {"bob_", "bob-"}, {"вова", "vova"}, {"a", "ȧ"},           {"i", "ï"},
    {"l", "l\314\207"}, {"I", "İ"},       {"vv", "w"},      {"さくら", "サクラ"}, {"김", "기"},
};

Test(name, names_that_are_the_same) {
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        cr_expect(same_name(same[i][0], same[i][1]), "%s, %s", same[i][0], same[i][1]);
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        cr_expect_not(same_name(different[i][0], different[i][1]), "%s, %s", different[i][0],
                      different[i][1]);
}

Test(name, key_is_siphash) {
    uint8_t key[16];
    char text[15]; /* bytes 0 to 14, which folding does not change */
    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < 15; i++)
        text[i] = (char)i;
    /* values from the SipHash paper and its reference code */
    cr_expect_eq(name_key(text, 0, key), 0x726fdb47dd0e0e31u);
    cr_expect_eq(name_key(text, 8, key), 0x93f5f5799a932462u);
    cr_expect_eq(name_key(text, 15, key), 0xa129ca6149be45e5u);
    key[0] = 1;
    cr_expect_neq(name_key(text, 15, key), 0xa129ca6149be45e5u);
}

/* Every code point, and the longest inputs: a form is valid and within its bound, and the look of a
 * look is itself. */
static void every_code_point(size_t (*form)(const char *, size_t, char *), bool settled) {
    for (int32_t cp = 0; cp < 0x110000; cp++) {
        if (cp == 0xD800)
            cp = 0xE000;
        char name[NAME_FORM_BYTES + 8], as[NAME_FORM_MAX], twice[NAME_FORM_MAX];
        size_t len = unicode_encode(cp, name);
        size_t n = form(name, len, as);
        bool unseen = cp == 0x0640 || cp == 0x07FA; /* the line between two letters */
        cr_assert(unseen == (n == 0) && n <= 7 * len && unicode_valid(as, n), "U+%04X",
                  (unsigned)cp);
        size_t m = form(as, n, twice);
        cr_assert(!settled || (m == n && memcmp(as, twice, n) == 0), "U+%04X", (unsigned)cp);
        size_t total = len;
        for (; total + len <= sizeof name; total += len)
            memcpy(name + total, name, len);
        cr_assert_leq(form(name, total, as), (size_t)NAME_FORM_MAX);
    }
}

/* They are not looked up in the tables: what these say of them is written here. */
Test(name, forms_of_ascii) {
    char fold[NAME_FORM_MAX + 1], look[NAME_FORM_MAX + 1];
    static const char text[] = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                               "abcdefghijklmnopqrstuvwxyz{|}~";
    fold[name_fold(text, sizeof text - 1, fold)] = '\0';
    look[name_look(text, sizeof text - 1, look)] = '\0';
    cr_assert_str_eq(fold, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHlJKLMNOPQRSTUVWXYZ[\\]^_`"
                           "ABCDEFGHlJKLMNOPQRSTUVWXYZ{|}~");
    cr_assert_str_eq(look, "!\"#$%&'()*+,-./Ol23456789:;<=>?@ABCDEFGHlJKLMNOPQRSTUVWXYZ[\\]^_`"
                           "abcdefghijklrnnopqrstuvwxyz{|}~");
}

Test(name, folding_every_code_point) {
    every_code_point(name_fold, false);
}

Test(name, the_look_of_every_code_point) {
    every_code_point(name_look, true);
}
