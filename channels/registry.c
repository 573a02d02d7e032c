/* SPDX-License-Identifier: MIT
 *
 * Which drivers there are: one const table of what is built in and of the modules that belong to weir; other modules
 * come from the search path. To add a built-in driver, add its line here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

extern const struct weir_driver weir_driver_mutex;
extern const struct weir_driver weir_driver_pipe;
extern const struct weir_driver weir_driver_unix;
extern const struct weir_driver weir_driver_fifo;
extern const struct weir_driver weir_driver_tcp;
extern const struct weir_driver weir_driver_ring;
extern const struct weir_driver weir_driver_shm;
extern const struct weir_driver weir_driver_mq;
extern const struct weir_driver weir_driver_sysv;
extern const struct weir_driver weir_driver_file;
extern const struct weir_driver weir_driver_eventfd;
extern const struct weir_driver weir_driver_null;

static const char peers[] = "./dev peers";

static const struct {
    const char *name;
    const struct weir_driver *driver; /* NULL: a module */
    struct weir_packages packages;    /* that the module needs */
} table[] = {
    {"mutex", &weir_driver_mutex, {0}},
    {"pipe", &weir_driver_pipe, {0}},
    {"unix", &weir_driver_unix, {0}},
    {"fifo", &weir_driver_fifo, {0}},
    {"tcp", &weir_driver_tcp, {0}},
    {"shm", &weir_driver_shm, {0}},
    {"ring", &weir_driver_ring, {0}},
    {"zmq", NULL, {.to_run = "libzmq5", .to_build = "libzmq3-dev"}},
    {"mq", &weir_driver_mq, {0}},
    {"sysv", &weir_driver_sysv, {0}},
    {"file", &weir_driver_file, {0}},
    {"eventfd", &weir_driver_eventfd, {0}},
    {"null", &weir_driver_null, {0}},
    {"boost", NULL, {.command = peers}},
    {"ck", NULL, {.command = peers}},
    {"cyclone", NULL, {.command = peers}},
    {"moodycamel", NULL, {.command = peers}},
    {"nng", NULL, {.command = peers}},
    {"qb", NULL, {.command = peers}},
};

#define TABLE_SIZE (sizeof table / sizeof table[0])
#define MOST_NAMES 256

static const char *names[MOST_NAMES + 1]; /* NULL-ended */
static size_t name_count;
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void list_names(void)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        names[name_count++] = table[i].name;
    name_count = weir_module_names(names, name_count, MOST_NAMES);
}

const char *weir_driver_at(size_t i)
{
    pthread_once(&names_once, list_names);
    return i < name_count ? names[i] : NULL;
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

static const char *missing_member(const struct weir_driver *driver)
{
    const struct {
        bool is_there;
        const char *name;
    } mandatory[] = {
        {driver->summary != NULL, "summary"},
        {driver->create != NULL, "create"},
        {driver->destroy != NULL, "destroy"},
        {driver->attach != NULL, "attach"},
        {driver->detach != NULL, "detach"},
        {driver->send != NULL || driver->reserve != NULL, "send (or reserve, commit and abort)"},
        {driver->recv != NULL || driver->peek != NULL, "recv (or peek and release)"},
    };
    for (size_t i = 0; i < sizeof mandatory / sizeof mandatory[0]; i++)
        if (!mandatory[i].is_there)
            return mandatory[i].name;
    return NULL;
}

/* The first capability that does not match its operations. */
static const char *broken_promise(const struct weir_driver *driver)
{
    const uint32_t bits = driver->capabilities;
    const bool reserve = driver->reserve && driver->commit && driver->abort;
    const bool any_reserve = driver->reserve || driver->commit || driver->abort;
    const bool peek = driver->peek && driver->release;
    const bool any_peek = driver->peek || driver->release;
    if (reserve != any_reserve || reserve != ((bits & WEIR_CAP_RESERVE) != 0))
        return "RESERVE";
    if (peek != any_peek || peek != ((bits & WEIR_CAP_PEEK) != 0))
        return "PEEK";
    if ((driver->flush != NULL) != ((bits & WEIR_CAP_MORE) != 0))
        return "MORE";
    const bool arms = driver->arm == NULL || driver->fd != NULL;
    const bool waits = driver->recv_waiting == NULL || (driver->fd != NULL && driver->peek == NULL);
    const bool paired = (driver->recv_waiting == NULL) == (driver->nudge == NULL);
    return (driver->fd != NULL) != ((bits & WEIR_CAP_FD) != 0) || !arms || !waits || !paired ? "FD" : NULL;
}

/* The name of the first option that is not whole, or NULL. */
static const char *broken_option(const struct weir_driver *driver)
{
    const struct weir_option *option = driver->options;
    for (size_t count = 0; option != NULL && option->name != NULL; option++) {
        bool has_choices = option->type != WEIR_OPTION_CHOICE || option->choices != NULL;
        union weir_option_value value;
        struct weir_error unheard;
        if (++count > MOST_OPTIONS || option->fallback == NULL || option->help == NULL || !has_choices ||
            strcmp(option->name, "wait") == 0 ||
            weir_option_parse(driver, option, option->fallback, &value, &unheard) != 0)
            return option->name;
    }
    return NULL;
}

static bool is_name(const char *name)
{
    if (name == NULL || *name == '\0')
        return false;
    for (; *name != '\0'; name++)
        if (!islower((unsigned char)*name) && !isdigit((unsigned char)*name))
            return false;
    return true;
}

/* Said once, when a driver is found: what it must have and must not claim. */
int weir_driver_check(const struct weir_driver *driver, struct weir_error *error)
{
    if (driver->abi != WEIR_DRIVER_ABI)
        return weir_error_set(error, WEIR_EUNAVAILABLE,
                              "made for driver interface %u, this library has %u: build it again", driver->abi,
                              WEIR_DRIVER_ABI);
    if (!is_name(driver->name))
        return weir_error_set(error, WEIR_EUNAVAILABLE, "the driver's name must be lower-case letters and digits");
    const char *missing = missing_member(driver);
    if (missing != NULL)
        return weir_error_set(error, WEIR_EUNAVAILABLE, "%s lacks the mandatory %s", driver->name, missing);
    const char *broken = broken_promise(driver);
    if (broken != NULL)
        return weir_error_set(error, WEIR_EUNAVAILABLE, "%s: capability %s does not match its operations", driver->name,
                              broken);
    const char *option = broken_option(driver);
    if (option != NULL)
        return weir_error_set(error, WEIR_EUNAVAILABLE,
                              "%s: option %s lacks its default, help or choices, does not allow its default, has the "
                              "name of the core's own, or is one too many",
                              driver->name, option);
    if (driver->wait < WEIR_WAIT_BLOCK || driver->wait > WEIR_WAIT_ADAPTIVE)
        return weir_error_set(error, WEIR_EUNAVAILABLE, "%s names no default wait policy", driver->name);
    return 0;
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

static void unknown_driver(const char *name, struct weir_error *error)
{
    char list[256] = "", near[80];
    size_t used = 0;
    for (size_t i = 0; weir_driver_at(i) != NULL && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    const char *ending = strrchr(name, '.');
    if (ending != NULL && strcmp(ending, ".so") == 0)
        snprintf(near, sizeof near, "; a module's path has a slash: ./%.32s", name);
    else
        weir_suggest(name, names, near, sizeof near);
    weir_error_set(error, WEIR_EUNKNOWN, "unknown driver '%s'; there are %s%s", name, list, near);
}

const struct weir_driver *weir_driver_find(const char *name, struct weir_error *ret_error)
{
    struct weir_error unheard = {0};
    struct weir_error *error = ret_error != NULL ? ret_error : &unheard;
    if (name == NULL) {
        weir_error_set(error, WEIR_EINVAL, "a driver needs a name");
        return NULL;
    }
    const struct weir_packages unknown = {0};
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (strcmp(name, table[i].name) == 0 && table[i].driver != NULL)
            return weir_driver_check(table[i].driver, error) == 0 ? table[i].driver : NULL;
        if (strcmp(name, table[i].name) == 0)
            return weir_module_load(name, &table[i].packages, error);
    }
    if (strchr(name, '/') != NULL)
        return weir_module_load(name, &unknown, error);
    for (size_t i = TABLE_SIZE; weir_driver_at(i) != NULL; i++)
        if (strcmp(name, weir_driver_at(i)) == 0)
            return weir_module_load(name, &unknown, error);
    unknown_driver(name, error);
    return NULL;
}

int weir_driver_probe(const char *name, struct weir_error *ret_error)
{
    struct weir_error unheard = {0};
    struct weir_error *error = ret_error != NULL ? ret_error : &unheard;
    error->code = WEIR_EUNKNOWN;
    const struct weir_driver *driver = weir_driver_find(name, error);
    return driver != NULL ? weir_driver_try(driver, error) : error->code;
}

int weir_driver_try(const struct weir_driver *driver, struct weir_error *error)
{
    *error = (struct weir_error){0};
    int result = driver->probe != NULL ? driver->probe(error) : 0;
    if (result != 0 && error->code != result)
        weir_error_set(error, result, "%s does not say why: %s", driver->name, weir_strerror(result));
    return result;
}
