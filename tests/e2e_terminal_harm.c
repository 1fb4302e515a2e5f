/* e2e_terminal_harm.c - a malicious client: bytes that steer a terminal, or hide, reorder or forge
 * text, in speech, in private lines and as names, in UTF-8 and through the second bytes of GBK and
 * GB18030; and names that look like another client's name or like the server's sentences. */
#include "tests/lib/guest.h"
#include "tests/lib/terminal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(terminal_harm, .timeout = 180);

static const char quiet[] = SERVER_QUIET(2) "line_max = 512\n";
static const char gbk[] = "CP936";

/* ---- bytes ---- */

#define FIVE(literal) literal literal literal literal literal
#define FIFTY(literal)                                                                             \
    FIVE(literal literal literal literal literal literal literal literal literal literal)
#define BYTES(literal)                                                                             \
    { literal, sizeof(literal) - 1 }
struct hostile {
    const char *bytes;
    size_t len;
};
static const struct hostile hostile[] = {
    BYTES("\033[2J\033[H"),
    BYTES("\033[31mred\033[0m"),
    BYTES("\033]0;title\007"),
    BYTES("\033]52;c;cm0gLXJm\007"),
    BYTES("\033P$q\"p\033\\"),
    BYTES("\033[6n\033[c\033[5n"),
    BYTES("\033c\033#8"),
    BYTES("\033(0lqqk\033(B"),
    BYTES("\033[1A\033[2Kbob: forged"),
    BYTES("\033_tmux\033\\\033^pm\033\\"),
    BYTES("\033"),
    BYTES("\033[20t\033[21t"),
    BYTES("\302\2332J"),
    BYTES("\302\235 0;title\302\234"),
    BYTES("\302\220q\302\234"),
    BYTES("\302\205new line"),
    BYTES("\2332J"),
    BYTES("\235 0;title\234"),
    BYTES("\220q\234"),
    BYTES("a\001\002\004\005\006\007b"),
    BYTES("a\013b\014c\016d\017e"),
    BYTES("a\000b"),
    BYTES("\005\032\034\035\036\037"),
    BYTES("\342\200\256bob: forged\342\200\254"),
    BYTES("\342\200\252a\342\200\253b\342\200\255c"),
    BYTES("\342\201\246a\342\201\247b\342\201\250c\342\201\251"),
    BYTES("\342\200\216a\342\200\217b\330\234c"),
    BYTES("in\342\200\213vis\342\200\214ib\342\200\215le"),
    BYTES("b\357\273\277om"),
    BYTES("a\342\201\240b\342\201\241c\342\201\244d"),
    BYTES("soft\302\255hyphen"),
    BYTES("a\342\200\250line\342\200\251paragraph"),
    BYTES("a\363\240\200\201b\363\240\201\277tag"),
    BYTES("a\357\267\220b\357\277\277c\364\217\277\277d"),
    BYTES("a\356\200\200private"),
    BYTES("a\343\205\244\341\205\237\341\205\240filler"),
    BYTES("a\341\240\216b\357\270\217c"),
    BYTES("a\314\201\314\201\314\201\314\201\314\201\314\201\314\201\314\201\314\201"),
    BYTES("\300\233[2J overlong escape"),
    BYTES("\340\200\233[2J\360\200\200\233[2J"),
    BYTES("\300\212\300\215 overlong line end"),
    BYTES("\355\240\200\355\260\200 surrogates"),
    BYTES("\364\220\200\200\370\210\200\200\200 beyond"),
    BYTES("\304\033[2J half of GBK"),
    BYTES("\201\302\2332J"),
    BYTES("\344\033[2J\344\275\033[2J"),
    BYTES("\377\377\377\373\001\377\375\006"),
    BYTES("\377\372\030\000\033[2J\377\360after it"),
    BYTES("*** The server is going down.\033[8m"),
    BYTES("x\tbob: forged\bby tabs"),
    BYTES("***\r\rbob: forged\r\000*** The server is going down.\r\r"),
    BYTES("***\nbob: forged\n\n*** The server is going down."),
    BYTES("a" FIFTY("\314\201\314\202")),
    BYTES("a" FIFTY("\357\270\217") FIFTY("\363\240\204\200")),
    BYTES(FIFTY("\342\200\256\342\200\213")),
    BYTES("a\342\201\245b\357\277\260c\360\237\277\277 unassigned, invisible"),
    BYTES("\355\240\275 one \355\270\200 and the other"),
    BYTES("\177\177\177bob: forged\b\b\b\b\177"),
    BYTES("\302\200\302\215\302\216\302\217\302\230\302\231\302\237 more of C1"),
    BYTES("\033]8;;http://forged\033\\link\033]8;;\033\\"),
    BYTES("\033[?1049h\033[3J\033[999;999H"),
    BYTES("\232\205\215\233?1049h C1 alone"),
    BYTES("\363\240\200\240\363\240\201\242\363\240\201\277 tags alone"),
    BYTES("\340\244\200\357\277\271a\357\277\272b\357\277\273 annotation"),
};

/* From a client that is sent GBK: second bytes that look like ASCII or C1, half characters, and the
 * four-byte codes of GB18030 for characters that are also forbidden in UTF-8. */
static const struct hostile hostile_gbk[] = {
    BYTES("\201\\\201|\201@\201~\201`\201^"),
    BYTES("\201\2332J\201\235 0;title\201\234"),
    BYTES("\201\033[2J"),
    BYTES("\201\033]0;title\007"),
    BYTES("\033\201[2J"),
    BYTES("[2J\201"),
    BYTES("\201\060\033[2J"),
    BYTES("\201\060\201\033[2J"),
    BYTES("\201\060\203\067"
          "2J\201\060\201\065 C1"),
    BYTES("a\201\066\244\067b\201\066\245\060 zero width"),
    BYTES("a\201\066\246\065bob: forged"),
    BYTES("\201\066\247\061bob: forged\201\066\254\062"),
    BYTES("\204\061\225\063bom\204\061\202\065\323\066\234\063tag"),
    BYTES("a\201\066\254\061b\204\061\243\064 unassigned, invisible"),
    BYTES("\252\241\370\241\376\376 private"),
    BYTES("a" FIFTY("\201\060\274\067")),
    BYTES("\343\062\232\066\376\071\376\071 beyond"),
    BYTES("\200\377\200"),
    BYTES("\314\251\302\233\313\277 GBK that could be UTF-8"),
    BYTES("\247\243\247\260\247\243\b\177: half erased"),
};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };
enum { HOSTILE_GBK = sizeof hostile_gbk / sizeof hostile_gbk[0] };

/* Checks what no line may contain, in addition to what every guest checks. */
static void is_harmless(const char *line, size_t i) {
    static const char *const never[] = {
        "\302\233",     "\302\235",     "\302\220",     "\302\234",     "\302\205",
        "\302\255",     "\342\200\213", "\342\200\214", "\342\200\215", "\342\200\216",
        "\342\200\217", "\342\200\250", "\342\200\251", "\342\200\252", "\342\200\253",
        "\342\200\254", "\342\200\255", "\342\200\256", "\342\201\240", "\342\201\241",
        "\342\201\244", "\342\201\246", "\342\201\247", "\342\201\250", "\342\201\251",
        "\330\234",     "\357\273\277", "\363\240",     "\356\200\200", "\343\205\244",
        "\341\205\237", "\341\205\240", "\341\240\216", "\357\270\217", "\357\267\220",
        "\302\200",     "\302\237",     "\355\240",     "\355\270",     "\315\270",
        "\357\277\271",
    };
    for (size_t n = 0; n < sizeof never / sizeof never[0]; n++)
        cr_expect_null(strstr(line, never[n]), "hostile %zu: %s", i, line);
}

/* No line looks like a line of another client, or like one of the server's. */
static void is_not_forged(const char *line, size_t i) {
    static const char *const forged[] = {"bob: ", "大卫: ", "eve: ", "***", "["};
    for (size_t n = 0; n < sizeof forged / sizeof forged[0]; n++)
        cr_expect_neq(strncmp(line, forged[n], strlen(forged[n])), 0, "hostile %zu: %s", i, line);
}

/* The last guest is the malicious client. */
static void all_is_well(struct guest **g, int n, const char *mark, size_t i) {
    for (int k = 0; k < n; k++)
        for (const char *line = NULL; !line || strcmp(line, mark) != 0;) {
            line = guest_next(g[k]);
            is_harmless(line, i);
            if (k < n - 1 && strncmp(line, "[mal] ", 6) != 0)
                is_not_forged(line, i);
        }
}

static void harm(struct guest *mal, const char *before, const struct hostile *what) {
    guest_send(mal, before, strlen(before));
    guest_send(mal, what->bytes, what->len);
    guest_type(mal, "\r\n");
}

static void nothing_reaches_others(struct server *s, struct guest *mal, const struct hostile *list,
                                   size_t count) {
    struct guest *all[4] = {guest_enter(s, "bob"), guest_enter_gbk(s, "大卫"), guest_connect(s),
                            mal};
    guest_say(all[2], "/encoding big5");
    guest_say(all[2], "login eve");
    all[2]->charset = "BIG5-HKSCS";
    guests_until(all, 4, told1(TOLD_COMES, "eve"));
    mal->telnet = true;
    for (size_t i = 0; i < count; i++) {
        char mark[32];
        harm(mal, "", &list[i]);
        harm(mal, "/me ", &list[i]);
        harm(mal, "/msg bob ", &list[i]);
        harm(mal, "/nick ", &list[i]);
        harm(mal, "/nick x", &list[i]);
        guest_say(mal, "/nick mal");
        guest_say(mal, "mark %zu", i);
        sprintf(mark, "mal: mark %zu", i);
        all_is_well(all, 4, mark, i);
    }
    server_stop(s);
}

Test(terminal_harm, nothing_hostile_reaches_another_terminal) {
    struct server *s = server_start("%s", quiet);
    struct guest *mal = guest_enter(s, "mal");
    guest_say(mal, "/encoding utf-8");
    nothing_reaches_others(s, mal, hostile, HOSTILE);
}

Test(terminal_harm, nothing_hostile_reaches_another_terminal_through_gbk) {
    struct server *s = server_start("%s", quiet);
    nothing_reaches_others(s, guest_enter_gbk(s, "mal"), hostile_gbk, HOSTILE_GBK);
}

/* No name of the list is accepted, so the client gets the name that it sends last. */
static void no_name_is_taken(const char *encoding, const char *charset, const struct hostile *list,
                             size_t count) {
    struct server *s = server_start("%s", quiet);
    struct guest *all[3] = {guest_enter(s, "bob"), guest_enter_gbk(s, "大卫")};
    guest_until(all[0], "%s", told1(TOLD_COMES, "大卫"));
    for (size_t i = 0; i < count; i++) {
        struct guest *mal = all[2] = guest_connect_as(s, .charset = charset);
        char mark[32];
        mal->telnet = true;
        guest_say(mal, "/encoding %s", encoding);
        harm(mal, "login ", &list[i]);
        harm(mal, "login x", &list[i]);
        guest_say(mal, "login mal");
        guest_say(mal, "mark %zu", i);
        sprintf(mark, "mal: mark %zu", i);
        all_is_well(all, 3, mark, i);
        guest_say(mal, "logout");
        guest_expect_end(mal);
        guests_until(all, 2, told1(TOLD_GOES, "mal"));
    }
    server_stop(s);
}

Test(terminal_harm, no_hostile_name_is_taken) {
    no_name_is_taken("utf-8", NULL, hostile, HOSTILE);
}

/* Chinese characters are a valid name, whatever their second bytes: the first of the list is left
 * out. */
Test(terminal_harm, no_hostile_name_is_taken_through_gbk) {
    no_name_is_taken("gbk", gbk, hostile_gbk + 1, HOSTILE_GBK - 1);
}

/* ---- names ---- */

static const char *const present[] = {"bob", "cop", "女王", "エロ", "José"};
static const char *const spoofs[] = {
    "BOB",
    "ｂｏｂ",
    "Ｂob",
    "ВОВ", /* all Cyrillic */
    "ΒΟΒ", /* all Greek */
    "ꓐꓳꓐ", /* Lisu */
    "bоb",
    "bοb",
    "воb", /* mixed */
    "𝐛𝐨𝐛",
    "ⓑⓞⓑ",
    "🅱ob",
    "b𝗈b", /* mathematical, enclosed */
    "bob\342\200\213",
    "\342\200\256bob",
    "bo\302\255b",
    "\357\273\277bob", /* invisible */
    "bob\357\270\217",
    "bob\363\240\201\201",
    "bob\343\205\244",
    "bob\302\240",
    "bob ",
    "bob:",
    "bob:x",
    "<bob>",
    "[bob]",
    "[bob]x",
    "(bob)",
    "сор",
    "ＣＯＰ",
    "соp",
    "ᴄᴏᴘ",
    "⼥王",
    "女⺩",
    "工口",
    "ｴﾛ",
    "jose\314\201",
    "ＪＯＳÉ",
    "*",
    "***",
    "＊＊＊",
    "٭٭٭",
    "* bob",
    "∗∗∗", /* like the server's lines and name */
    "Chatroom",
    "ＣＨＡＴＲＯＯＭ",
    "сhatroom",
    "ChatroοΜ",
    "look",
    "ｗｈｏ",
    "ѕау",
    "LOGIN",
};
enum { PRESENT = sizeof present / sizeof present[0], SPOOFS = sizeof spoofs / sizeof spoofs[0] };

static void is_refused(struct guest *g, const char *command, const char *name) {
    char taken[128], bad[128];
    strcpy(taken, told(TOLD_TRY_AGAIN));
    strcpy(bad, told1(TOLD_NOT_A_NAME, ""));
    if (g->charset) {
        char line[128];
        sprintf(line, "%s %s", command, name);
        guest_say_in(g, line);
    } else {
        guest_say(g, "%s %s", command, name);
    }
    const char *line = guest_next(g);
    if (strncmp(line, bad, strlen(bad)) != 0)
        line = guest_next(g); /* the first of two lines has the name */
    cr_expect(strncmp(line, bad, strlen(bad)) == 0 || strcmp(line, taken) == 0, "%s: %s", name,
              line);
    if (strncmp(line, bad, strlen(bad)) == 0)
        guest_expect(g, "%s", told(TOLD_A_NAME));
}

Test(terminal_harm, no_name_looks_like_another) {
    struct server *s = server_start("%s", quiet);
    struct guest *seen = NULL;
    for (int i = 0; i < PRESENT; i++) {
        struct guest *g = guest_enter(s, present[i]);
        seen = seen ? seen : g;
    }
    guest_until(seen, "%s", told1(TOLD_COMES, present[PRESENT - 1]));
    struct guest *inside = guest_enter(s, "mal"), *outside = guest_connect(s);
    guest_expect(seen, "%s", told1(TOLD_COMES, "mal"));
    guest_until(outside, "%s", told(TOLD_HOW));
    for (int i = 0; i < SPOOFS; i++) {
        is_refused(outside, "login", spoofs[i]);
        is_refused(inside, "/nick", spoofs[i]);
    }
    struct guest *through = guest_enter_gbk(s, "小波");
    guest_expect(inside, "%s", told1(TOLD_COMES, "小波"));
    static const char *const in_gbk[] = {"ｂｏｂ", "ВОВ",    "сор",   "ＣＯＰ",
                                         "工口",   "＊＊＊", "ｗｈｏ"};
    for (size_t i = 0; i < sizeof in_gbk / sizeof in_gbk[0]; i++)
        is_refused(through, "/nick", in_gbk[i]);
    guest_expect(seen, "%s", told1(TOLD_COMES, "小波")); /* no other guest, no other name */
    guest_say(inside, "still mal");
    guest_expect(seen, "mal: still mal");
    server_stop(s);
}
