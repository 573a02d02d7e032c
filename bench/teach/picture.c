/* SPDX-License-Identifier: MIT
 *
 * Bars.
 */
#include <math.h>
#include <string.h>

#include "page.h"
#include "render/render.h"

#define LEAST_BAR   8
#define DECADES_LOG 30.0 /* from this ratio of the longest to the shortest on, the scale is logarithmic */

struct scale {
    double least, most; /* of the positive figures */
    bool logarithmic;
};

static struct scale find_scale(const struct experiment *experiment, size_t column)
{
    struct scale scale = {INFINITY, 0, false};
    for (size_t i = 0; i < experiment->row_count; i++) {
        double value = experiment->rows[i].medians[column];
        if (isfinite(value) && value > 0) {
            scale.least = fmin(scale.least, value);
            scale.most = fmax(scale.most, value);
        }
    }
    scale.logarithmic = scale.most > DECADES_LOG * scale.least;
    return scale;
}

/* On a logarithmic scale the shortest bar is one tenth of the smallest figure long, so that it can be seen. */
static size_t length_of(const struct scale *scale, double value, size_t most)
{
    if (!isfinite(value) || value <= 0)
        return 0;
    double share = value / scale->most;
    if (scale->logarithmic)
        share = (log10(value / scale->least) + 1) / (log10(scale->most / scale->least) + 1);
    size_t length = (size_t)lround(share * (double)most);
    return length > 0 ? length : 1;
}

static void bar(FILE *file, size_t length, bool color)
{
    fputs(color ? "\033[36m" : "", file);
    for (size_t i = 0; i < length; i++)
        fputs(speaks_utf8() ? "█" : "#", file);
    fputs(color ? "\033[0m" : "", file);
}

void picture_print(FILE *file, const struct experiment *experiment, size_t width, bool color)
{
    const size_t column = experiment->lesson->pictured;
    const struct lesson_column *pictured = &experiment->lesson->columns[column];
    const struct scale scale = find_scale(experiment, column);
    size_t labels = 0, figures = 0;
    char text[48];
    if (scale.most <= 0)
        return;
    for (size_t i = 0; i < experiment->row_count; i++) {
        size_t label = text_width(experiment->rows[i].label, strlen(experiment->rows[i].label));
        figure_text(text, sizeof text, pictured->unit, experiment->rows[i].medians[column]);
        size_t figure = text_width(text, strlen(text));
        labels = label > labels ? label : labels;
        figures = figure > figures ? figure : figures;
    }
    size_t room = width > labels + figures + 3 + LEAST_BAR ? width - labels - figures - 3 : LEAST_BAR;
    fprintf(file, "%s%s\n", pictured->head, scale.logarithmic ? " (logarithmic scale)" : "");
    for (size_t i = 0; i < experiment->row_count; i++) {
        const struct experiment_row *row = &experiment->rows[i];
        figure_text(text, sizeof text, pictured->unit, row->medians[column]);
        fprintf(file, "%s%*s ", row->label, (int)(labels - text_width(row->label, strlen(row->label))), "");
        bar(file, length_of(&scale, row->medians[column], room), color);
        fprintf(file, " %s\n", text);
    }
}
