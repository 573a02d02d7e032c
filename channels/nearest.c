/* SPDX-License-Identifier: MIT
 *
 * The word that somebody may have meant.
 */
#include <stdio.h>
#include <string.h>

#include "core.h"

#define MOST_LETTERS 31 /* longer words are cut */

/* Edit distance of two words: Levenshtein 1966, by the table of Wagner and Fischer 1974, of which one row is kept. */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[MOST_LETTERS + 1];
    size_t length_a = strnlen(a, MOST_LETTERS), length_b = strnlen(b, MOST_LETTERS);
    for (size_t j = 0; j <= length_b; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= length_a; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= length_b; j++) {
            unsigned above = row[j];
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[length_b];
}

const char *weir_nearest(const char *word, const char *const *words)
{
    const char *nearest = NULL;
    unsigned least = (unsigned)(strnlen(word, MOST_LETTERS) / 3 + 2);
    for (size_t i = 0; words[i] != NULL; i++) {
        unsigned distance = edit_distance(word, words[i]);
        if (distance < least) {
            nearest = words[i];
            least = distance;
        }
    }
    return nearest;
}

void weir_suggest(const char *word, const char *const *words, char *ret_text, size_t capacity)
{
    const char *nearest = weir_nearest(word, words);
    *ret_text = '\0';
    if (nearest != NULL)
        snprintf(ret_text, capacity, "; did you mean '%s'?", nearest);
}
