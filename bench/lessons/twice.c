/* SPDX-License-Identifier: MIT
 *
 * The lesson `twice`: the same cell measured twice and compared with itself: one block of epochs after the other, and
 * epoch by epoch in turns.
 */
#include <math.h>

#include "lessons.h"
#include "measure/statistics.h"
#include "teach/matrix.h"
#include "teach/page.h"

#define EPOCHS        8 /* of each side in one comparison */
#define MESSAGE_BYTES 64
#define MOST_PAIRS    64

static int prepare(struct experiment *experiment)
{
    struct setup setup = matrix_setup("pipe", WEIR_PROCESS, PATTERN_STREAM, MESSAGE_BYTES);
    setup.pin = experiment->knobs.pin != NULL ? experiment->knobs.pin : setup.pin;
    int result = experiment_row(experiment, "blocks", "all of A, then all of B");
    if (result == 0)
        result = experiment_row(experiment, "turns", "A and B in turns");
    return result != 0 ? result : matrix_prepare(experiment, &setup, 1, 1);
}

/* How far B seems to be from A, as a share; both are the same. In turns each pair begins with the other one. */
static int measure(struct experiment *experiment, size_t row, double *ret)
{
    double sides[2][EPOCHS], ratios[EPOCHS];
    size_t counts[2] = {0, 0};
    for (int i = 0; i < 2 * EPOCHS; i++) {
        int side = row == 0 ? i / EPOCHS : (i + i / 2) % 2;
        int end = matrix_measure(experiment, 0, &sides[side][counts[side]], NULL);
        if (end != 0)
            return end;
        counts[side]++;
    }
    for (int i = 0; i < EPOCHS; i++)
        ratios[i] = sides[1][i] / sides[0][i];
    double ratio = row == 0 ? estimate_median(sides[1], EPOCHS).median / estimate_median(sides[0], EPOCHS).median
                            : estimate_median(ratios, EPOCHS).median;
    ret[0] = fabs(ratio - 1);
    return 0;
}

static double worst(const struct experiment *experiment, size_t row)
{
    double most = 0;
    for (size_t i = 0; i < experiment->rows[row].count; i++)
        most = fmax(most, experiment->rows[row].samples[0][i]);
    return most;
}

static void judge(struct experiment *experiment)
{
    double blocks = experiment->rows[0].medians[0], turns = experiment->rows[1].medians[0];
    double blocks_worst = worst(experiment, 0), turns_worst = worst(experiment, 1);
    const char *answer = blocks_worst < 0.02 ? "two" : blocks_worst < 0.05 ? "five" : "more";
    experiment_remark(experiment, 0, "%s", told(UNIT_SHARE, blocks_worst));
    experiment_remark(experiment, 1, "%s", told(UNIT_SHARE, turns_worst));
    experiment_conclude(
        experiment,
        blocks_worst < 0.02                ? VERDICT_HOLDS
        : turns_worst < 0.7 * blocks_worst ? VERDICT_REFUTED
                                           : VERDICT_DEPENDS,
        answer,
        "One after the other the program seemed %s faster or slower than itself, typically, and up to %s; "
        "in turns %s, and up to %s. (%zu comparison%s of each kind.)",
        told(UNIT_SHARE, blocks), told(UNIT_SHARE, blocks_worst), told(UNIT_SHARE, turns),
        told(UNIT_SHARE, turns_worst), experiment->rounds, experiment->rounds == 1 ? "" : "s");
}

static const struct lesson_column columns[] = {{"difference", "TYPICAL ERROR", UNIT_SHARE}, {0}};

static const struct lesson_choice choices[] = {
    {"two", "by less than 2 %"},
    {"five", "by up to 5 %"},
    {"more", "by more than 5 %"},
    {0},
};

static const struct lesson_twist twists[] = {
    {"weir compare pipe pipe", "weir's own comparison of a thing with itself, with its interval and verdict"},
    {"weir lesson twice --pin same",
     "on one CPU: other errors; turns help against what drifts, not against what jumps"},
    {0},
};

const struct lesson lesson_twice = {
    .name = "twice",
    .question = "Run A, then run B, compare?",
    .claim = "To compare two programs, run A, then run B, and compare.",
    .ask = "A program is measured for a while, and then the very same program once more. By how much do the two "
           "results differ, at worst, if that is done some ten times?",
    .choices = choices,
    .seconds = 6,
    .heeds = KNOB_PIN,
    .columns = columns,
    .pictured = 0,
    .remarks = "AT WORST",
    .prepare = prepare,
    .measure = measure,
    .judge = judge,
    .finish = matrix_finish,
    .why = "A machine is not the same from second to second: clocks rise and fall with the heat, other programs come "
           "and go, a virtual machine's host moves its CPUs about. If A runs first and B runs later, whatever changed "
           "in between is counted as a difference between A and B, and more rounds do not help: they only make you "
           "surer of the wrong figure.\n"
           "In turns, A and B meet the same moments. What drifts slowly drifts for both, and their ratio within each "
           "pair of neighbours hardly notices. Whoever goes first should change as well.\n"
           "The error that is left when a thing is compared with itself is the noise floor. A difference smaller than "
           "that is not a result. weir measures its first cell twice in each round for that reason, and says so.",
    .see = "docs/measuring.md",
    .twists = twists,
};
