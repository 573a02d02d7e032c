/* SPDX-License-Identifier: MIT
 *
 * A lesson: a claim, a question to guess at, an experiment that makes rows of figures, and what is to be learnt from
 * them. One file each in bench/lessons; everything that lessons have in common is here, in bench/teach.
 *
 *     static const struct lesson_column columns[] = {{"lost", "LOST", UNIT_SHARE}, {"ns", "COST", UNIT_NS}};
 *     static int prepare(struct experiment *experiment);          // the rows, by experiment_row
 *     static int measure(struct experiment *, size_t row, double *ret); // one row once: a figure for each column
 *     static void judge(struct experiment *experiment);           // the verdict, by experiment_conclude
 *     const struct lesson lesson_race = {.name = "race", ...};    // and a line in lessons.c
 */
#ifndef WEIR_BENCH_LESSON_H
#define WEIR_BENCH_LESSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit { UNIT_NS, UNIT_BYTES, UNIT_COUNT, UNIT_TIMES, UNIT_SHARE };

/* A column of figures: its name in JSON, its head in tables, and what its figures are. */
struct lesson_column {
    const char *key, *head;
    enum unit unit;
};

/* What a student can guess: the word to type, and what it means. */
struct lesson_choice {
    const char *word, *text;
};

/* A command to try next, and what it shows. */
struct lesson_twist {
    const char *command, *shows;
};

/* What a student may change. A lesson heeds those in its `heeds`. */
enum knob { KNOB_WORKERS = 1, KNOB_SIZE = 2, KNOB_PIN = 4 };

struct knobs {
    uint32_t workers; /* 0: not given */
    size_t size;      /* bytes; 0: not given */
    const char *pin;  /* NULL: not given */
};

enum verdict { VERDICT_NONE, VERDICT_HOLDS, VERDICT_REFUTED, VERDICT_DEPENDS };

/* A sentence: "The claim holds here.", "The claim is refuted here.", "It depends." */
const char *verdict_text(enum verdict verdict);

struct experiment;

#define LESSON_MOST_COLUMNS 6

struct lesson {
    const char *name;
    const char *question;                /* one line, in the list */
    const char *claim;                   /* as folklore has it */
    const char *ask;                     /* what to guess, and the answers there are */
    const struct lesson_choice *choices; /* ended by one without a word */
    unsigned seconds;                    /* about how long it takes */
    int cpus;                            /* that it needs, if more than one */
    unsigned heeds;                      /* of enum knob */
    const struct lesson_column *columns; /* ended by one without a key; LESSON_MOST_COLUMNS at most */
    size_t pictured;                     /* the column that becomes bars */
    const char *remarks;                 /* the head of the rows' remarks; NULL: they have none */
    int (*prepare)(struct experiment *); /* 0, 1 (interrupted), or as experiment_cannot */
    int (*measure)(struct experiment *, size_t row, double *ret); /* likewise */
    void (*judge)(struct experiment *);
    void (*finish)(struct experiment *); /* frees what prepare made, also after a failed one; may be NULL */
    const char *why;                     /* a dozen lines; paragraphs end with \n */
    const char *see;                     /* man pages */
    const struct lesson_twist *twists;   /* ended by one without a command */
};

/* The i-th; NULL past the last. */
const struct lesson *lesson_at(size_t i);

#endif
