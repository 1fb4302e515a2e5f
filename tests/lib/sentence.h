/* sentence.h - the server's sentences as its interface specifies them, for tests only.
 *
 * They are a copy on purpose: a mistake in the server's own table (worker/text/sentence.h) must
 * fail a test. */
#ifndef TESTS_LIB_SENTENCE_H
#define TESTS_LIB_SENTENCE_H

enum tongue { EN, ZH };

/* The comments name the arguments of a sentence, in this order. */
enum told {
    TOLD_GREETING, /* room */
    TOLD_COMES,    /* name */
    TOLD_GOES,     /* name */
    TOLD_LOG_IN,   /* the first of two lines */
    TOLD_HOW,      /* the second */
    TOLD_NO_NAME,
    TOLD_TAKEN,     /* name; the first of two lines */
    TOLD_TRY_AGAIN, /* the second */
    TOLD_SPEECH,    /* name, text */
    TOLD_LOOK,
    TOLD_WHO,
    TOLD_UNKNOWN,     /* text; the first of two lines */
    TOLD_HELP,        /* the second */
    TOLD_SKIPPED,     /* n as text */
    TOLD_EARLIER,     /* n as text */
    TOLD_NICK,        /* old name, new name */
    TOLD_PRIVATE,     /* name, text */
    TOLD_COPY,        /* name, text */
    TOLD_NOBODY,      /* name */
    TOLD_NOT_READING, /* name */
    TOLD_NOT_A_NAME,  /* text; the first of two lines */
    TOLD_A_NAME,      /* the second */
    TOLD_LOGGED_IN,   /* name */
    TOLD_TOO_LONG,    /* the first of two lines */
    TOLD_LIMIT,       /* n as text; the second */
    TOLD_NO_WORD,
    TOLD_NO_LOGIN,
    TOLD_GOING_DOWN,
    TOLD_FULL,
    TOLD_ADDRESS_FULL,
    TOLD_HERE, /* room; the answer to telnet's AYT */
    TOLD_ME,   /* name, text */
    TOLD_COUNT
};

/* The sentence without a line end.  Valid until the eighth call after this one. */
const char *told_in(enum tongue tongue, enum told which, const char *first, const char *second);

/* In English, the language of most tests. */
#define told(which) told_in(EN, which, "", "")
#define told1(which, first) told_in(EN, which, first, "")
#define told2(which, first, second) told_in(EN, which, first, second)

#endif
