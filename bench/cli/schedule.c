/* SPDX-License-Identifier: MIT
 *
 * Rounds, budget, precision, seed.
 */
#include "schedule.h"

#include <sys/random.h>

#include "lists.h"

#define BUDGET_NS          INT64_C(10000000000)
#define BUDGET_PER_CELL_NS INT64_C(250000000)

#define LEAST_EPOCH_NS INT64_C(5000000)
#define MOST_EPOCH_NS  INT64_C(10000000000)

#define PRECISION_BUDGET_NS INT64_C(300000000000) /* not for ever, if the machine will not be that quiet */

static const struct argp_option table[] = {
    {0, 0, 0, 0, "How long:", 0},
    {"rounds", KEY_ROUNDS, "N", 0, "N rounds over all cells; with --budget at most N", 0},
    {"budget", KEY_BUDGET, "TIME", 0, "as many rounds as fit: 10s (default), 500ms, 2m", 0},
    {"precision", KEY_PRECISION, "P%", 0,
     "until every interval is within P % of its median, or the budget (default 5m) is spent", 0},
    {"epoch", KEY_EPOCH, "TIME", 0, "how long each cell is measured in a round, about: 12ms (default), 5ms to 10s", 0},
    {"seed", KEY_SEED, "N", 0, "the seed of the order and of the messages (default: drawn)", 0},
    {0, 0, 0, 0, 0, 0},
};

static int parse_epoch(const char *text, int64_t *ret_ns, struct weir_error *error)
{
    int64_t ns;
    if (parse_duration(text, &ns, error) != 0)
        return -1;
    if (ns < LEAST_EPOCH_NS || ns > MOST_EPOCH_NS)
        return weir_error_set(error, WEIR_EINVAL, "an epoch of '%s' is not from 5ms to 10s", text), -1;
    *ret_ns = ns;
    return 0;
}

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    struct schedule_options *schedule = values;
    switch (key) {
    case KEY_ROUNDS:
        return parse_count("rounds", text, 1, 100000, &schedule->rounds, error);
    case KEY_BUDGET:
        return parse_duration(text, &schedule->budget_ns, error);
    case KEY_PRECISION:
        return parse_percentage("precision", text, &schedule->precision, error);
    case KEY_EPOCH:
        return parse_epoch(text, &schedule->epoch_ns, error);
    case KEY_SEED:
        schedule->seed_given = true;
        return parse_count("seed", text, 0, INT64_MAX, &schedule->seed, error);
    default:
        return NOT_MINE;
    }
}

const struct option_group schedule_group = {table, take, NULL};

int schedule_check(const struct schedule_options *schedule, struct weir_error *error)
{
    if (schedule->rounds != 0 && schedule->precision != 0)
        return weir_error_set(error, WEIR_EINVAL,
                              "--rounds and --precision contradict each other: one says how many rounds, the other "
                              "how good they must be"),
               -1;
    return 0;
}

int64_t schedule_budget_ns(const struct schedule_options *schedule, size_t cells)
{
    int64_t scaled_ns = (int64_t)cells * BUDGET_PER_CELL_NS;
    if (schedule->budget_ns != 0 || schedule->rounds != 0)
        return schedule->budget_ns;
    if (schedule->precision > 0)
        return PRECISION_BUDGET_NS;
    return scaled_ns > BUDGET_NS ? scaled_ns : BUDGET_NS;
}

uint64_t schedule_seed(const struct schedule_options *schedule)
{
    uint64_t seed;
    if (schedule->seed_given)
        return schedule->seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint64_t)weir_now_ns();
    return seed >> 16; /* short enough to type, and exact in every JSON reader */
}
