#include "store/import.h"

enum { WITHDRAWN_ONE_IN = 10 }; /* cars; of more than that the file is more likely half a file */

static bool withdraws_many(const struct store_import_report *report)
{
    return report->withdrawn > report->fleet_before / WITHDRAWN_ONE_IN;
}

void store_import_judge(struct store_import_report *report)
{
    report->needs_force = withdraws_many(report) || report->repriced > 0;
}

bool store_import_writes(const struct store_import_report *report,
                         const struct store_import_options *options)
{
    return !options->dry_run && (options->force || !report->needs_force);
}

void store_import_doubts(const struct store_import_report *report, struct buffer *out)
{
    if (withdraws_many(report))
        buffer_printf(out, "withdraw %zu of %zu cars", report->withdrawn, report->fleet_before);
    if (report->repriced)
        buffer_printf(out,
                      "%sgive %zu of %zu cars a price of less than half or more than double, or in "
                      "another currency",
                      withdraws_many(report) ? " and " : "", report->repriced,
                      report->fleet_before);
}
