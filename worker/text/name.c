/* name.c - see name.h. */
#include "worker/text/name.h"

#include "ipc/client.h"
#include "ipc/siphash.h"
#include "ipc/unicode.h"
#include "worker/text/hangul.h"
#include "worker/text/sanitize.h"
#include "worker/text/skeleton.h"

#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

_Static_assert(4 * (int)NAME_POINTS_MAX <= (int)NAME_OWN_MAX,
               "a name of this machine fits its row");
_Static_assert((int)NAME_FORM_BYTES >= (int)NAME_BYTES_MAX, "all of a name counts, NODE too");
_Static_assert((int)NAME_FORM_MAX >= (int)SKELETON_GROWTH * (int)NAME_FORM_BYTES,
               "a form's bytes, and so its code points, have room");

/* The server's Chinese sentences have no blank between a name and their own words, and a person's
 * line begins with its name and a colon: a name with one of these would make a line that begins
 * like the server's.  tests/unit_forgery.c holds them against the table of sentences. */
/* clang-format off */
static const char *const name_phrases[] = {
    "聊天室", "改名为", "改名為", "欢迎进入", "歡迎進入", "请先登录", "請先登錄",
    "请输入名字", "請輸入名字", "请重试", "請重試", "在线用户", "在線用戶", "线上用户", "線上用戶",
    "請先登入", "線上使用者", "未知指令", "不能封鎖自己", "來自你的地址的連線太多了", "還沒有人給你發過訊息",
    "未知命令", "这不是名字", "這不是名字", "行太长了", "行太長了",
    "不能屏蔽自己", "来自你的地址的连接太多了", "來自你的地址的連接太多了",
    "还没有人给你发过消息", "還沒有人給你發過消息", "你被禁言了", "你可以说话了", "你可以說話了",
};
/* A sentence with a name or a number in its middle begins so; the name would supply the rest.
 * `[对bob] hi` is no private line of 对bob's. */
static const char *const name_openings[] = {
    "对", "對", "你是", "你不再看到", "你重新看到", "你已屏蔽", "你已封鎖", "你看得到",
};
/* clang-format on */

/* Scripts that are written together (UTS 39, section 5.2); any other script stands alone. */
#define SCRIPT(number) (UINT64_C(1) << (number))
static const uint64_t name_together[] = {
    SCRIPT(UNICODE_LATIN) | SCRIPT(UNICODE_HAN) | SCRIPT(UNICODE_KANA),
    SCRIPT(UNICODE_LATIN) | SCRIPT(UNICODE_HAN) | SCRIPT(UNICODE_BOPOMOFO),
    SCRIPT(UNICODE_LATIN) | SCRIPT(UNICODE_HAN) | SCRIPT(UNICODE_HANGUL),
};

static bool name_scripts_mixed(uint64_t scripts) {
    scripts &= ~SCRIPT(UNICODE_COMMON);
    for (size_t i = 0; i < LENGTH(name_together); i++)
        if ((scripts & ~name_together[i]) == 0)
            return false;
    return (scripts & (scripts - 1)) != 0;
}

static bool name_has_phrase(const struct name_forms *name) {
    if (unicode_ascii(name->look, name->look_len) == name->look_len)
        return false;
    for (size_t i = 0; i < LENGTH(name_phrases); i++)
        if (memmem(name->look, name->look_len, name_phrases[i], strlen(name_phrases[i])))
            return true;
    for (size_t i = 0; i < LENGTH(name_openings); i++) {
        size_t n = strlen(name_openings[i]);
        if (name->look_len >= n && memcmp(name->look, name_openings[i], n) == 0)
            return true;
    }
    return false;
}

static bool name_is_of(const char *form, size_t len, const char *bytes) {
    size_t i = 0;
    while (i < len && form[i] && strchr(bytes, form[i]))
        i++;
    return i == len;
}

/* `21.04`, `11-24`, `127.0.0.1`: it looks like a time, a date, an address.  Digits by their value,
 * and letters that look like digits. */
static bool name_is_number(const struct name_forms *name) {
    bool digits = false, parts = false;
    for (size_t i = 0; i < name->fold_len; i++) {
        digits |= name->fold[i] >= '0' && name->fold[i] <= '9';
        parts |= strchr("._-", name->fold[i]) && name->fold[i];
    }
    return digits && parts &&
           (name_is_of(name->fold, name->fold_len, "0123456789._-") ||
            name_is_of(name->look, name->look_len, "Ol23456789._-"));
}

static bool name_is_reserved(const char *utf8, size_t n, const char *room) {
    struct name_forms name;
    name_forms(utf8, n, &name);
    return name_has_phrase(&name) || name_is_number(&name) || name_is(&name, room);
}

/* The line that joins two letters (Arabic, N'Ko): a word is the same with any number of them. */
static bool name_is_stretch(int32_t cp) {
    return cp == 0x0640 || cp == 0x07FA;
}

/* What stands before the next character of a name. */
struct name_before {
    int32_t last;   /* 0: nothing */
    unsigned marks; /* on the last letter; nothing else can take one */
};

/* Whether it may stand there. */
static bool name_takes(struct name_before *before, int32_t cp, uint8_t class) {
    int32_t last = before->last;
    before->last = cp;
    if (hangul_vowel(cp) || hangul_final(cp))
        return hangul_joins(last, cp);
    if (class == UNICODE_MARK || class == UNICODE_SPACING_MARK)
        return before->marks++ < SANITIZE_MARKS_MAX;
    before->marks = class == UNICODE_LETTER ? 0 : SANITIZE_MARKS_MAX;
    if (class == UNICODE_LETTER)
        return last != 0 || !name_is_stretch(cp);
    return class == UNICODE_DIGIT || (last != 0 && (cp == '.' || cp == '_' || cp == '-'));
}

enum name_error name_check(const char *utf8, size_t n, const char *room) {
    struct name_before before = {.marks = SANITIZE_MARKS_MAX};
    uint64_t scripts = 0;
    size_t points = 0, len;
    if (n == 0)
        return NAME_EMPTY;
    for (size_t i = 0; i < n; i += len, points++) {
        int32_t cp = unicode_decode(utf8 + i, n - i, &len);
        if (points == NAME_POINTS_MAX)
            return NAME_TOO_LONG;
        if (cp == UNICODE_BAD)
            return NAME_BAD_CHARACTER;
        struct unicode_properties p = unicode_properties(cp);
        scripts |= SCRIPT(p.script);
        if (!name_takes(&before, cp, p.class))
            return NAME_BAD_CHARACTER;
    }
    if (name_scripts_mixed(scripts))
        return NAME_MIXED_SCRIPTS;
    return name_is_reserved(utf8, n, room) ? NAME_RESERVED : NAME_OK;
}

/* Puts the last of `points` in its place among the marks before it.  Marks on one letter may be
 * typed in any order and look the same; the order of their numbers is as good as Unicode's
 * canonical one for telling whether two names are equal. */
static void name_sort_mark(int32_t *points, size_t count) {
    int32_t mark = points[count - 1];
    size_t i = count - 1;
    if (unicode_properties(mark).class != UNICODE_MARK)
        return;
    for (; i > 0 && points[i - 1] > mark && unicode_properties(points[i - 1]).class == UNICODE_MARK;
         i--)
        points[i] = points[i - 1];
    points[i] = mark;
}

/* Whether a dot above the letter is not seen, because it has one: i, j, those of other scripts, and
 * those without a dot, on which it makes an i. */
static bool name_is_dotted(int32_t letter) {
    int32_t look[SKELETON_MAX];
    return skeleton_typed(letter, look) > 0 && (look[0] == 'i' || look[0] == 'j');
}

static bool name_is_unseen(int32_t letter, int32_t cp) {
    return name_is_stretch(cp) || (cp == 0x0307 && name_is_dotted(letter));
}

static size_t name_form_of(size_t (*skeleton)(int32_t, int32_t *), const char *utf8, size_t n,
                           char out[NAME_FORM_MAX]) {
    int32_t points[NAME_FORM_MAX], letter = 0; /* the last one that is no mark */
    size_t count = 0, length = 0, len;
    if (n > NAME_FORM_BYTES)
        n = NAME_FORM_BYTES;
    for (size_t i = 0; i < n; i += len) {
        int32_t cp = unicode_decode(utf8 + i, n - i, &len), as[SKELETON_MAX];
        size_t more = skeleton(cp == UNICODE_BAD ? UNICODE_REPLACEMENT : cp, as);
        if (cp != UNICODE_BAD && unicode_properties(cp).class != UNICODE_MARK)
            letter = cp;
        for (size_t k = 0; k < more; k++) {
            if (name_is_unseen(letter, as[k]))
                continue;
            points[count++] = as[k];
            name_sort_mark(points, count);
        }
    }
    for (size_t i = 0; i < count; i++)
        length += unicode_encode(points[i], out + length);
    return length;
}

size_t name_fold(const char *utf8, size_t n, char out[NAME_FORM_MAX]) {
    return name_form_of(skeleton_capital, utf8, n, out);
}

size_t name_look(const char *utf8, size_t n, char out[NAME_FORM_MAX]) {
    return name_form_of(skeleton_typed, utf8, n, out);
}

void name_forms(const char *utf8, size_t n, struct name_forms *out) {
    out->fold_len = name_fold(utf8, n, out->fold);
    out->look_len = name_look(utf8, n, out->look);
}

/* Most texts differ in their first character: nothing before an ASCII one, or in it, depends on
 * what follows. */
static bool name_form_is(size_t (*form_of)(const char *, size_t, char *), const char *form,
                         size_t len, const char *text) {
    char other[NAME_FORM_MAX];
    size_t first = (unsigned char)*text < 0x80 ? form_of(text, 1, other) : 0;
    if (first > len || memcmp(form, other, first) != 0)
        return false;
    return form_of(text, strlen(text), other) == len && memcmp(form, other, len) == 0;
}

bool name_is(const struct name_forms *name, const char *text) {
    return name_form_is(name_fold, name->fold, name->fold_len, text) ||
           name_form_is(name_look, name->look, name->look_len, text);
}

/* ---- keys ---- */

uint64_t name_key(const char *utf8, size_t n, const uint8_t key[16]) {
    char folded[NAME_FORM_MAX];
    uint64_t hash = siphash(folded, name_fold(utf8, n, folded), key);
    return hash ? hash : 1;
}

/* The byte before the form is in no UTF-8, so that no text has a key of the other kind. */
uint64_t name_look_key(const char *utf8, size_t n, const uint8_t key[16]) {
    char look[1 + NAME_FORM_MAX] = {'\377'};
    uint64_t hash = siphash(look, 1 + name_look(utf8, n, look + 1), key);
    return hash ? hash : 1;
}
