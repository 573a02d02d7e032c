/* SPDX-License-Identifier: MIT
 *
 * The machine as text and as JSON.
 */
#include "machine.h"

#include <weir/weir.h>

#include "json.h"
#include "render.h"

#define MOST_SHOWN 4

void render_machine(FILE *file, const struct environment *environment)
{
    const struct clock_facts *clock = &environment->clock;
    say(file, "weir %s on %s, %d CPU%s%s%s, %s, clock %s: a read %.0f ns, a step %.0f ns\n", weir_version(),
        environment->cpu, environment->cpus, environment->cpus == 1 ? "" : "s", environment->hypervisor[0] ? ", " : "",
        environment->hypervisor, environment->kernel, clock->source, clock->overhead_ns, clock->resolution_ns);
}

void render_warnings(FILE *file, const struct checks *checks, const struct checks *said)
{
    size_t shown = 0, left = 0;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *check = &checks->items[i];
        if (check->state != CHECK_WARNING || (said != NULL && said->items[i].state == CHECK_WARNING))
            continue;
        if (shown == MOST_SHOWN) {
            left++;
            continue;
        }
        say(file, "warning: %s: %s (%s)\n", check->id, check->text, check->fix);
        shown++;
    }
    if (left > 0)
        say(file, "and %zu more warning%s: weir doctor\n", left, left == 1 ? "" : "s");
}

json_t *tool_json(void)
{
    return json_pack("{s:s, s:s, s:s}", "version", weir_version(), "build_type", build_type, "compiler",
                     build_compiler);
}

json_t *environment_json(const struct environment *environment, const struct checks *checks)
{
    const struct clock_facts *clock = &environment->clock;
    json_t *warnings = json_array();
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *check = &checks->items[i];
        if (check->state == CHECK_WARNING)
            json_array_append_new(
                warnings, json_pack("{s:s, s:s, s:s}", "id", check->id, "text", check->text, "fix", check->fix));
    }
    return json_pack("{s:s, s:i, s:s, s:s?, s:{s:s, s:o, s:o}, s:o, s:o}", "cpu", environment->cpu, "cpus",
                     environment->cpus, "kernel", environment->kernel, "hypervisor",
                     environment->hypervisor[0] ? environment->hypervisor : NULL, "clock", "source", clock->source,
                     "overhead_ns", number_or_null(clock->overhead_ns), "resolution_ns",
                     number_or_null(clock->resolution_ns), "steal_pct", number_or_null(environment->steal_percent),
                     "warnings", warnings);
}
