#include "tests/unit/unit_out.h"

#include "lib/base/metrics.h"

static uint64_t total(const struct metrics_histogram *histogram)
{
    uint64_t count = 0;
    for (int i = 0; i <= METRICS_BUCKETS; i++)
        count += histogram->counts[i];
    return count;
}

static void a_bound_belongs_to_its_bucket(void **state)
{
    (void)state;
    static const struct {
        int64_t nanoseconds;
        int bucket;
    } cases[] = {
        {0, 0},
        {100000, 0},
        {100001, 1},
        {250000, 1},
        {250001, 2},
        {1000000, 3},
        {1000000000, 12},
        {1000000001, 13},
        {2500000000, 13},
        {2500000001, 14},
        {INT64_C(3600000000000), 14},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct metrics_histogram histogram = {0};
        metrics_observe(&histogram, cases[i].nanoseconds);
        assert_int_equal(total(&histogram), 1);
        assert_int_equal(histogram.counts[cases[i].bucket], 1);
        assert_int_equal(histogram.sum, cases[i].nanoseconds);
    }
}

static void a_histogram_is_cumulative(void **state)
{
    (void)state;
    struct metrics_histogram histogram = {0};
    metrics_observe(&histogram, 50000);
    metrics_observe(&histogram, 200000);
    metrics_observe(&histogram, INT64_C(3000000000));
    metrics_histogram(&out, "call_seconds", "path=\"/x\"", &histogram);
    static const char *const lines[] = {
        "call_seconds_bucket{path=\"/x\",le=\"0.0001\"} 1\n",
        "call_seconds_bucket{path=\"/x\",le=\"0.00025\"} 2\n",
        "call_seconds_bucket{path=\"/x\",le=\"1\"} 2\n",
        "call_seconds_bucket{path=\"/x\",le=\"2.5\"} 2\n",
        "call_seconds_bucket{path=\"/x\",le=\"+Inf\"} 3\n",
        "call_seconds_sum{path=\"/x\"} 3.000250000\n",
        "call_seconds_count{path=\"/x\"} 3\n",
    };
    const char *at = out.data;
    for (size_t i = 0; i < LENGTH(lines); i++) { /* in this order */
        at = strstr(at, lines[i]);
        if (!at)
            fail_msg("%s is not in:\n%s", lines[i], out.data);
    }
}

static void without_labels_there_are_no_empty_braces(void **state)
{
    (void)state;
    struct metrics_histogram histogram = {0};
    metrics_histogram(&out, "h", NULL, &histogram);
    metrics_sample(&out, "s", NULL, 1);
    metrics_sample(&out, "t", "", UINT64_MAX);
    assert_null(strstr(out.data, "{}"));
    assert_null(strstr(out.data, "{,"));
    assert_non_null(strstr(out.data, "h_bucket{le=\"0.0001\"} 0\n"));
    assert_non_null(strstr(out.data, "h_sum 0.000000000\nh_count 0\ns 1\n"));
    assert_non_null(strstr(out.data, "t 18446744073709551615\n"));
}

static void a_single_metric_is_introduced(void **state)
{
    (void)state;
    metrics_single(&out, "cars", "gauge", "Cars there are.", 3);
    assert_string_equal(out.data, "# HELP cars Cars there are.\n# TYPE cars gauge\ncars 3\n");
}

static void the_process_knows_itself(void **state)
{
    (void)state;
    metrics_process(&out, "unit", "1.2.3");
    assert_non_null(strstr(out.data, "booking_build_info{service=\"unit\",version=\"1.2.3\"} 1\n"));
    const char *memory = strstr(out.data, "\nprocess_resident_memory_bytes ");
    assert_non_null(memory);
    assert_true(strtoull(strchr(memory, ' '), NULL, 10) > 100000);
    const char *descriptors = strstr(out.data, "\nprocess_open_fds ");
    assert_non_null(descriptors);
    unsigned long before = strtoul(strchr(descriptors, ' '), NULL, 10);
    FILE *file = tmpfile();
    buffer_clear(&out);
    metrics_process(&out, "unit", "1.2.3");
    fclose(file);
    descriptors = strstr(out.data, "\nprocess_open_fds ");
    assert_int_equal(strtoul(strchr(descriptors, ' '), NULL, 10), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test_setup_teardown(a_histogram_is_cumulative, begin, end),
        cmocka_unit_test_setup_teardown(without_labels_there_are_no_empty_braces, begin, end),
        cmocka_unit_test_setup_teardown(a_single_metric_is_introduced, begin, end),
        cmocka_unit_test_setup_teardown(the_process_knows_itself, begin, end),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
