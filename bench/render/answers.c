/* SPDX-License-Identifier: MIT
 *
 * Comparisons in words.
 */
#include <math.h>
#include <string.h>

#include "render.h"
#include "verdicts.h"

#define MOST_ANSWERS 4 /* with more comparisons they are counted, and the last is told: it says most */

static const char *where(const struct setup *setup)
{
    static const char *const words[2][2] = {{"between threads", "from a thread to a process"},
                                            {"from a process to a thread", "between processes"}};
    return words[setup->pairing.producer][setup->pairing.consumer];
}

/* "pipe", or "A" where the words do not tell the sides apart, or do not tell what they are. */
static const char *side_name(const struct verdicts *verdicts, size_t side)
{
    static const char *const letters[] = {"A", "B"};
    bool tell = verdicts->files || strcmp(verdicts->names[0], verdicts->names[1]) == 0;
    return tell ? letters[side] : verdicts->names[side];
}

/* "1.17× [1.15, 1.19]" */
static void write_ratio(char *text, size_t capacity, const struct comparison *comparison)
{
    char ratio[16], low[16], high[16];
    format_ratio(ratio, sizeof ratio, comparison->ratio);
    format_ratio(low, sizeof low, comparison->low);
    format_ratio(high, sizeof high, comparison->high);
    snprintf(text, capacity, "%s%s [%s, %s]", ratio, speaks_utf8() ? "×" : "x", low, high);
}

static void answer(FILE *file, const struct verdicts *verdicts, const struct comparison *comparison)
{
    const char *a = side_name(verdicts, 0), *b = side_name(verdicts, 1);
    char ratio[64], place[160];
    double mde = 100 * comparison->mde;
    const struct setup *setup = &comparison->a->setup;
    write_ratio(ratio, sizeof ratio, comparison);
    snprintf(place, sizeof place, "%s (%s%s%s%s%s)", where(setup), verdicts->files ? setup->spec : "",
             verdicts->files ? ", " : "", pattern_name(setup->pattern), comparison->regime != NULL ? ", CPUs " : "",
             comparison->regime != NULL ? comparison->regime : "");
    if (!isfinite(comparison->ratio))
        say(file, "%s and %s were not compared %s: one of them has no cost.\n", a, b, place);
    else if (!isfinite(comparison->mde))
        say(file, "no verdict on %s against %s %s: too few rounds for an interval.\n", b, a, place);
    else if (comparison->verdict == VERDICT_SAME)
        say(file, "%s costs the same as %s %s, within %.1f %%: %s.\n", b, a, place, 100 * comparison->delta, ratio);
    else if (comparison->verdict == VERDICT_INCONCLUSIVE)
        say(file,
            "no verdict on %s against %s %s: %s; an effect of %.1f %% would have been seen 8 times in 10. More rounds "
            "see more.\n",
            b, a, place, ratio, mde);
    else
        say(file, "%s is %s than %s %s: %s; an effect of %.1f %% would have been seen 8 times in 10.\n", b,
            verdict_name(comparison->verdict), a, place, ratio, mde);
}

static void count_verdicts(FILE *file, const struct verdicts *verdicts)
{
    size_t counts[VERDICT_INCONCLUSIVE + 1] = {0};
    for (size_t i = 0; i < verdicts->comparisons.count; i++)
        counts[verdicts->comparisons.items[i].verdict]++;
    say(file, "%s against %s: faster in %zu, slower in %zu, the same in %zu, inconclusive in %zu of %zu.\n",
        side_name(verdicts, 1), side_name(verdicts, 0), counts[VERDICT_FASTER], counts[VERDICT_SLOWER],
        counts[VERDICT_SAME], counts[VERDICT_INCONCLUSIVE], verdicts->comparisons.count);
}

void render_answers(FILE *file, const struct verdicts *verdicts)
{
    size_t count = verdicts->comparisons.count, first = 0;
    fputc('\n', file);
    if (count > MOST_ANSWERS) {
        count_verdicts(file, verdicts);
        first = count - 1;
    }
    for (size_t i = first; i < count; i++)
        answer(file, verdicts, &verdicts->comparisons.items[i]);
}
