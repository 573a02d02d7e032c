/* SPDX-License-Identifier: MIT
 *
 * What channels share so that an idle one takes little: pages for control blocks, and descriptors for pollers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/wait.h>

/* They are the library's own and not exported. */
#include "../../channels/bell_fds.c"
#include "../../channels/shelf.c"

enum { MANY = 200, BYTES = 600 };

static void blocks_are_apart_zeroed_and_aligned(void **state)
{
    (void)state;
    struct weir_shelf *shelves[MANY];
    unsigned char *blocks[MANY];
    for (int i = 0; i < MANY; i++) {
        blocks[i] = weir_shelf_take(BYTES, &shelves[i]);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 128, 0);
        for (int k = 0; k < BYTES; k++)
            assert_int_equal(blocks[i][k], 0);
        memset(blocks[i], i + 1, BYTES);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(blocks[i][0], (unsigned char)(i + 1));
        assert_int_equal(blocks[i][BYTES - 1], (unsigned char)(i + 1));
    }
    assert_ptr_equal(shelves[0], shelves[1]);
    assert_ptr_not_equal(shelves[0], shelves[MANY - 1]);
    for (int i = 0; i < MANY; i++)
        weir_shelf_give(shelves[i]);
    assert_null(current);
    weir_shelf_give(NULL);
}

static void a_block_larger_than_a_shelf(void **state)
{
    (void)state;
    struct weir_shelf *shelf;
    unsigned char *block = weir_shelf_take(3 * SHELF_BYTES, &shelf);
    assert_non_null(block);
    block[3 * SHELF_BYTES - 1] = 1;
    weir_shelf_give(shelf);
}

static void a_child_sees_its_parents_blocks_and_has_shelves_of_its_own(void **state)
{
    (void)state;
    struct weir_shelf *shelf, *other;
    _Atomic int *word = weir_shelf_take(BYTES, &shelf);
    assert_non_null(word);
    pid_t child = fork();
    if (child == 0) {
        _Atomic int *own = weir_shelf_take(BYTES, &other);
        int result = own == NULL || other == shelf ? 1 : 0;
        atomic_store(word, 7);
        if (own != NULL)
            atomic_store(own, 9);
        _exit(result);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(atomic_load(word), 7);
    int *next = weir_shelf_take(BYTES, &other);
    assert_ptr_equal(other, shelf);
    assert_int_equal(*next, 0);
    weir_shelf_give(shelf);
    weir_shelf_give(other);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void descriptors_are_shared_and_closed_by_the_last(void **state)
{
    (void)state;
    int fds[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = weir_bell_fd_take();
        assert_true(fds[i] >= 0);
        for (int k = 0; k < i && i < PLACES; k++)
            assert_int_not_equal(fds[i], fds[k]);
    }
    for (int i = PLACES; i < MANY; i++) {
        bool known = false;
        for (int k = 0; k < PLACES; k++)
            known |= fds[i] == fds[k];
        assert_true(known);
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(is_open(fds[i]));
        weir_bell_fd_give(fds[i]);
    }
    for (int i = 0; i < MANY; i++)
        assert_false(is_open(fds[i]));
    weir_bell_fd_give(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_apart_zeroed_and_aligned),
        cmocka_unit_test(a_block_larger_than_a_shelf),
        cmocka_unit_test(a_child_sees_its_parents_blocks_and_has_shelves_of_its_own),
        cmocka_unit_test(descriptors_are_shared_and_closed_by_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
