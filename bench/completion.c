/* SPDX-License-Identifier: MIT
 *
 * `weir completion`: a script that lets a shell complete the words of weir's command line. What there is to complete is
 * printed from the tables that parse the words and print the help; how it is done is the script's fixed part. Channels
 * and their options are asked of `weir list` when they are needed, so that modules are among them.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/lists.h"
#include "cli/words.h"
#include "commands.h"

/* ---- the command line ---------------------------------------------------------------------------------------- */

static const char *const shells[] = {"bash", NULL};

static int take(void *values, int key, const char *text, struct weir_error *error)
{
    int *shell = values;
    if (key != ARGP_KEY_ARG)
        return NOT_MINE;
    *shell = find_word("shell", text, shells, error);
    return *shell < 0 ? -1 : TAKEN;
}

static const char *const *words(int key)
{
    return key == ARGP_KEY_ARG ? shells : NULL;
}

static const struct option_group own_group = {NULL, take, words};

const struct syntax completion_syntax = {
    "SHELL",
    "Print a script that lets a SHELL complete the words of weir's command line; there is one for bash.\v"
    "In this shell: source <(weir completion bash). `meson install` puts it where bash-completion looks for it.",
    {&own_group},
};

/* ---- what there is ------------------------------------------------------------------------------------------- */

/* FILE and CHANNEL stand for what the script finds out, - for anything. */
static void print_values(const char *const *list, const char *other)
{
    printf(") echo '");
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        printf("%s%s", i > 0 ? " " : "", list[i]);
    printf("%s' ;;\n", list != NULL ? "" : other);
}

static void print_arguments(const struct command *command)
{
    const struct syntax *syntax = command->syntax;
    const char *const *list = NULL;
    for (size_t i = 0; i < MOST_GROUPS && syntax->groups[i] != NULL && list == NULL; i++)
        if (syntax->groups[i]->words != NULL)
            list = syntax->groups[i]->words(ARGP_KEY_ARG);
    if (*syntax->arguments == '\0')
        return;
    printf("    %s:", command->name);
    print_values(list, strstr(syntax->arguments, "CHANNEL") != NULL ? "CHANNEL" : "CHANNEL FILE");
}

static void print_option_values(const struct command *command)
{
    const struct option_group *group = NULL;
    const struct argp_option *option;
    for (size_t i = 0; (option = syntax_option(command->syntax, i, &group)) != NULL; i++) {
        if (option->arg == NULL)
            continue;
        printf("    %s:--%s", command->name, option->name);
        if (option->key > 0 && option->key < 128 && isalnum(option->key))
            printf(" | %s:-%c", command->name, option->key);
        print_values(group->words != NULL ? group->words(option->key) : NULL,
                     strcmp(option->arg, "FILE") == 0 ? "FILE" : "-");
    }
}

static void print_tables(void)
{
    const struct command *command;
    printf("_weir_commands='");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++)
        printf("%s%s", i > 0 ? " " : "", command->name);
    printf("'\n\n# COMMAND: its options\n_weir_options() {\n    case $1 in\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        const struct argp_option *option;
        printf("    %s) echo '", command->name);
        for (size_t k = 0; (option = syntax_option(command->syntax, k, NULL)) != NULL; k++)
            printf("--%s ", option->name);
        printf("--help --usage' ;;\n");
    }
    printf("    esac\n}\n\n# COMMAND OPTION: its values; without OPTION, the arguments\n_weir_values() {\n"
           "    case $1:$2 in\n");
    for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
        print_arguments(command);
        print_option_values(command);
    }
    printf("    esac\n}\n");
}

/* ---- how it is done ------------------------------------------------------------------------------------------ */

static const char head[] = "# bash completion for weir, as `weir completion bash` prints it\n"
                           "# shellcheck shell=bash\n\n";

/* Bash breaks words at = and :, which are parts of ours: so the line is taken apart at spaces only, and of each answer
 * what bash holds for a word before the last one is cut off again. */
static const char tail[] =
    "\n"
    "# PROGRAM WORD: the channels there are; behind a comma, the options of the one before it\n"
    "_weir_channels() {\n"
    "    local line value IFS=$'\\n'\n"
    "    if [[ $2 != *,* ]]; then\n"
    "        for line in $(\"$1\" list 2>/dev/null); do echo \"${line%% *}\"; done\n"
    "        return\n"
    "    fi\n"
    "    for line in $(\"$1\" list \"${2%%,*}\" 2>/dev/null); do\n"
    "        [[ $line =~ ^\\ \\ ([a-z_]+=)([^ ]*) ]] || continue\n"
    "        [[ ${BASH_REMATCH[2]} == *'|'* ]] || echo \"${2%,*},${BASH_REMATCH[1]}\"\n"
    "        [[ ${BASH_REMATCH[2]} == *'|'* ]] || continue\n"
    "        IFS='|'\n"
    "        for value in ${BASH_REMATCH[2]}; do echo \"${2%,*},${BASH_REMATCH[1]}$value\"; done\n"
    "    done\n"
    "}\n"
    "\n"
    "_weir() {\n"
    "    local IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} command=run before='' breaks=''\n"
    "    local words=() found=() more=() cur last values word\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line != *[[:space:]] ]] || words+=('')\n"
    "    ((${#words[@]} > 1)) || return\n"
    "    cur=${words[-1]} last=${words[-2]}\n"
    "    ((${#words[@]} == 2)) || [[ \" $_weir_commands \" != *\" ${words[1]} \"* ]] || command=${words[1]}\n"
    "\n"
    "    if [[ $cur == --*=* ]]; then\n"
    "        before=${cur%%=*}=\n"
    "        values=$(_weir_values \"$command\" \"${cur%%=*}\")\n"
    "    elif [[ $last == -* ]] && values=$(_weir_values \"$command\" \"$last\") && [ -n \"$values\" ]; then\n"
    "        :\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        values=$(_weir_options \"$command\")\n"
    "        ((${#words[@]} > 2)) || values+=' --version'\n"
    "    else\n"
    "        values=$(_weir_values \"$command\" '')\n"
    "        ((${#words[@]} > 2)) || values+=\" $_weir_commands\"\n"
    "    fi\n"
    "\n"
    "    cur=${cur#\"$before\"}\n"
    "    for word in $values; do\n"
    "        case $word in\n"
    "        -) continue ;;\n"
    "        FILE)\n"
    "            compopt -o filenames 2>/dev/null || true # fails where it is called by hand\n"
    "            mapfile -t more < <(compgen -f -- \"$cur\")\n"
    "            ;;\n"
    "        CHANNEL) mapfile -t more < <(_weir_channels \"$1\" \"$cur\") ;;\n"
    "        *) more=(\"${cur%\"${cur##*,}\"}$word\") ;; # behind what a list holds already\n"
    "        esac\n"
    "        found+=(\"${more[@]}\")\n"
    "    done\n"
    "\n"
    "    [[ $COMP_WORDBREAKS != *=* ]] || breaks+='='\n"
    "    [[ $COMP_WORDBREAKS != *:* ]] || breaks+=':'\n"
    "    line=$before$cur last=$before$cur COMPREPLY=()\n"
    "    [ -z \"$breaks\" ] || last=${line##*[\"$breaks\"]}\n"
    "    for word in \"${found[@]}\"; do\n"
    "        [[ $word == \"$cur\"* ]] || continue\n"
    "        word=$before$word\n"
    "        COMPREPLY+=(\"${word#\"${line%\"$last\"}\"}\")\n"
    "    done\n"
    "    [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null || true\n"
    "}\n"
    "complete -F _weir weir\n";

int command_completion(int argc, char **argv)
{
    int shell = -1;
    void *const values[] = {&shell};
    syntax_parse(&completion_syntax, values, NULL, argc, argv);
    if (shell < 0)
        usage_error("completion needs to know for which SHELL: bash");
    fputs(head, stdout);
    print_tables();
    fputs(tail, stdout);
    return 0;
}
