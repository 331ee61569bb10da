/* A round is a visit to the store (round.h). It brings what may be sent now, and takes along what
 * became of what was sent. What is sent while a round is under way the round may bring once more:
 * it is told apart by its id, which is either in `sending`, or in `outcomes` until a round has
 * written it down.
 */
#include "outgoing/webhooks.h"

#include "lib/base/container_of.h"
#include "lib/base/metrics.h"
#include "lib/base/text.h"
#include "outgoing/complaint.h"
#include "outgoing/retry.h"
#include "outgoing/round.h"
#include "outgoing/secret_file.h"
#include "outgoing/sender.h"
#include "outgoing/webhook_url.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ROUND_PAUSE  LOOP_SECOND                               /* when there is nothing to do */
#define ROUND_SOON   (50 * LOOP_MILLISECOND)                   /* when there is */
#define RENEW_AFTER  (2 * LOOP_SECOND)                         /* the lease */
#define COUNT_AFTER  (10 * LOOP_SECOND)                        /* the deliveries */
#define LEASE_SURELY ((ROUND_LEASE_SECONDS - 1) * LOOP_SECOND) /* databases count whole seconds */
#define SLOW_PACE    LOOP_SECOND                               /* between tries that keep failing */

enum {
    SLOW_AFTER = 8,   /* failures one after the other */
    PAUSE_MAX = 3600, /* seconds for which a receiver that is too busy has all wait */
    STATUS_GONE = 410,
    STATUS_TOO_MANY = 429,
    STATUS_UNAVAILABLE = 503,
};

struct webhooks {
    struct webhooks_config config;
    struct secret_file secrets;
    struct sender *sender;
    struct desk_jobs *jobs;
    struct round round;
    struct loop_timer timer; /* for the next round */
    struct loop_timer pace;  /* for the next try, where they keep failing */
    int64_t round_ended;

    /* On the loop's clock: until when the lease surely is ours, when it was last asked for, when
     * the deliveries were last counted, and before which there is no try. */
    int64_t lease_ends, renewed, counted, not_before;
    int64_t paused_until; /* on the wall's clock, as the receiver asked */
    int64_t finish_by;    /* 0: not told to stop */

    struct due sending[SENDER_AT_ONCE]; /* id 0: none */
    struct webhook_outcome outcomes[WEBHOOK_SETTLE_MAX];
    unsigned outcome_count, settling; /* the first `settling` are with the round */
    unsigned next_due;                /* of the round's */
    unsigned failures;                /* one after the other */
    struct complaint complaint;       /* of those that were not taken */

    uint64_t rounds, delivered, failed, given_up;
    int64_t waiting_now, given_up_now;

    bool round_runs, soon; /* the next round is not to wait */
    bool leased, stopped, store_failed, finished;
    char owner[WEBHOOK_OWNER_MAX + 1];
};

static void start_round(struct webhooks *webhooks);
static void send_due(struct webhooks *webhooks);

/* --- what became of a try --------------------------------------------------------------------- */

static struct due *find_sending(struct webhooks *webhooks, int64_t id)
{
    for (size_t i = 0; i < SENDER_AT_ONCE; i++)
        if (webhooks->sending[i].id == id)
            return &webhooks->sending[i];
    return NULL;
}

static bool is_decided(const struct webhooks *webhooks, int64_t id)
{
    for (unsigned i = 0; i < webhooks->outcome_count; i++)
        if (webhooks->outcomes[i].id == id)
            return true;
    return false;
}

/* A line of the log on a delivery. */
static void log_delivery(struct webhooks *webhooks, const char *message, const struct due *due,
                         const char *error)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)due->id);
    log_error(webhooks->config.log, message, "channel", webhooks->config.channel, "delivery", id,
              "type", due->type, "booking", *due->booking_id ? due->booking_id : NULL, "error",
              error, NULL);
}

static void was_taken(struct webhooks *webhooks, struct webhook_outcome *outcome)
{
    outcome->kind = WEBHOOK_DELIVERED;
    webhooks->delivered++;
    if (complaint_over(&webhooks->complaint))
        log_info(webhooks->config.log, "webhooks are taken again", "channel",
                 webhooks->config.channel, NULL);
    webhooks->failures = 0;
}

/* A receiver that says when to come back is not asked for anything else before. */
static void heed(struct webhooks *webhooks, const struct sent *sent)
{
    if (sent->status == STATUS_GONE) {
        webhooks->stopped = true;
        log_error(webhooks->config.log,
                  "webhooks stopped: the receiver answered 410; what it would be told waits. "
                  "SIGHUP begins again",
                  "channel", webhooks->config.channel, NULL);
    }
    if (sent->status == STATUS_TOO_MANY || sent->status == STATUS_UNAVAILABLE)
        webhooks->paused_until =
            time(NULL) + (sent->retry_after < PAUSE_MAX ? sent->retry_after : PAUSE_MAX);
}

static void was_not_taken(struct webhooks *webhooks, const struct due *due, const struct sent *sent,
                          struct webhook_outcome *outcome)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = UINT32_MAX / 2;
    int64_t pause = retry_pause(due->attempts + 1, sent->retry_after, random);
    outcome->kind = pause < 0 ? WEBHOOK_ENDED : WEBHOOK_FAILED;
    outcome->next_at = time(NULL) + pause;
    snprintf(outcome->error, sizeof outcome->error, "%s", sent->error);
    webhooks->failed++;
    if (pause < 0) {
        webhooks->given_up++;
        log_delivery(webhooks, "webhook given up", due, sent->error);
    } else if (complaint_due(&webhooks->complaint, loop_now(webhooks->config.loop))) {
        log_delivery(webhooks, "webhooks are not taken", due, sent->error);
    }
    webhooks->failures++;
    if (webhooks->failures >= SLOW_AFTER)
        webhooks->not_before = loop_now(webhooks->config.loop) + SLOW_PACE;
    heed(webhooks, sent);
}

static void forget_due(struct due *due)
{
    free(due->body);
    *due = (struct due){0};
}

static void on_sent(void *context, const struct sent *sent)
{
    struct webhooks *webhooks = context;
    struct due *due = find_sending(webhooks, sent->key);
    struct webhook_outcome *outcome = &webhooks->outcomes[webhooks->outcome_count++];
    *outcome = (struct webhook_outcome){.id = sent->key, .status = sent->status};
    if (sent->taken)
        was_taken(webhooks, outcome);
    else
        was_not_taken(webhooks, due, sent, outcome);
    forget_due(due);
    webhooks->soon = true;
    start_round(webhooks);
    send_due(webhooks);
}

/* --- sending --------------------------------------------------------------------------------- */

/* A pause is over as well when the clock was set back to before it began. */
static bool is_paused(const struct webhooks *webhooks)
{
    int64_t left = webhooks->paused_until - time(NULL);
    return left > 0 && left <= PAUSE_MAX;
}

static bool may_send(const struct webhooks *webhooks)
{
    return webhooks->leased && loop_clock() < webhooks->lease_ends && !webhooks->stopped &&
           !webhooks->finish_by && !is_paused(webhooks) &&
           webhooks->outcome_count + sender_under_way(webhooks->sender) < WEBHOOK_SETTLE_MAX;
}

/* Moves a delivery from the round to those that are being sent; false when none could be. */
static bool send_one(struct webhooks *webhooks, struct due *due)
{
    struct due *slot = find_sending(webhooks, 0);
    char id[SENDER_ID_MAX + 1];
    snprintf(id, sizeof id, "msg_%s", due->message);
    if (!slot || !sender_send(webhooks->sender, due->id, id, due->body))
        return false;
    *slot = *due;
    due->body = NULL;
    return true;
}

static void send_due(struct webhooks *webhooks)
{
    struct round *round = &webhooks->round;
    while (!webhooks->round_runs && webhooks->next_due < round->due_count && may_send(webhooks)) {
        if (webhooks->failures >= SLOW_AFTER &&
            loop_now(webhooks->config.loop) < webhooks->not_before) {
            loop_arm(webhooks->config.loop, &webhooks->pace, webhooks->not_before);
            return;
        }
        struct due *due = &round->due[webhooks->next_due];
        bool known = find_sending(webhooks, due->id) || is_decided(webhooks, due->id);
        if (!known && !send_one(webhooks, due))
            return;
        webhooks->next_due++;
        if (!known && webhooks->failures >= SLOW_AFTER)
            webhooks->not_before = loop_now(webhooks->config.loop) + SLOW_PACE;
    }
}

static void on_pace(struct loop_timer *timer)
{
    send_due(container_of(timer, struct webhooks, pace));
}

/* --- rounds ---------------------------------------------------------------------------------- */

static void plan_round(struct webhooks *webhooks)
{
    int64_t pause = webhooks->soon ? ROUND_SOON : ROUND_PAUSE;
    loop_arm(webhooks->config.loop, &webhooks->timer, webhooks->round_ended + pause);
}

static void on_timer(struct loop_timer *timer)
{
    struct webhooks *webhooks = container_of(timer, struct webhooks, timer);
    start_round(webhooks);
}

static void lose_lease(struct webhooks *webhooks)
{
    if (webhooks->leased)
        log_info(webhooks->config.log, "another engine sends the webhooks", "channel",
                 webhooks->config.channel, NULL);
    webhooks->leased = false;
    webhooks->outcome_count = 0; /* to be sent again, by the other */
    webhooks->waiting_now = webhooks->given_up_now = 0;
}

static void take_lease(struct webhooks *webhooks)
{
    if (!webhooks->leased)
        log_info(webhooks->config.log, "this engine sends the webhooks", "channel",
                 webhooks->config.channel, NULL);
    webhooks->leased = true;
    webhooks->renewed = webhooks->round.asked_at;
    webhooks->lease_ends = webhooks->round.asked_at + LEASE_SURELY;
}

/* What the round has written down is not to be written again. */
static void drop_settled(struct webhooks *webhooks)
{
    webhooks->outcome_count -= webhooks->settling;
    memmove(webhooks->outcomes, webhooks->outcomes + webhooks->settling,
            webhooks->outcome_count * sizeof webhooks->outcomes[0]);
}

static void take_counts(struct webhooks *webhooks)
{
    webhooks->counted = webhooks->round_ended;
    webhooks->waiting_now = webhooks->round.waiting;
    webhooks->given_up_now = webhooks->round.given_up;
}

static void log_store(struct webhooks *webhooks)
{
    const struct desk_job *job = &webhooks->round.job;
    bool failed = job->end != DESK_JOB_RAN || job->result == DESK_FAILED;
    if (failed && !webhooks->store_failed && job->end != DESK_JOB_STOPPED)
        log_error(webhooks->config.log, "webhooks wait for the database", "error",
                  job->error.data ? job->error.data : "it took too long", NULL);
    if (!failed && webhooks->store_failed)
        log_info(webhooks->config.log, "webhooks wait for the database no more", NULL);
    webhooks->store_failed = failed;
    if (webhooks->round.collected.missed)
        log_error(webhooks->config.log,
                  "changes were not kept long enough to be told by webhooks: some are missed",
                  "channel", webhooks->config.channel, NULL);
}

/* A round that found the lease gone, and had not asked for it, does not know whether another has it
 * or the clock has just moved: the next one asks. */
static void on_round(struct desk_job *job)
{
    struct webhooks *webhooks = container_of(job, struct webhooks, round.job);
    struct round *round = &webhooks->round;
    bool ran = job->end == DESK_JOB_RAN;
    webhooks->round_runs = false;
    webhooks->next_due = 0;
    webhooks->round_ended = loop_clock();
    webhooks->rounds++;
    if (round->settled)
        drop_settled(webhooks);
    webhooks->settling = 0;
    if (round->leased)
        take_lease(webhooks);
    bool refused = ran && job->result == DESK_CHANGED, in_doubt = refused && !round->lease;
    if (in_doubt)
        webhooks->lease_ends = webhooks->renewed = INT64_MIN / 2;
    else if (refused)
        lose_lease(webhooks);
    if (round->counted)
        take_counts(webhooks);
    if (!ran || job->result != DESK_OK)
        round_free_due(round);
    log_store(webhooks);
    if (round->release)
        webhooks->finished = true;
    webhooks->soon =
        ran && job->result == DESK_OK && (!round->collected.caught_up || webhooks->outcome_count);
    if (!webhooks->finished)
        plan_round(webhooks);
    send_due(webhooks);
}

/* Begins a round, if it is time for one. What the last one brought and was not sent yet the next
 * one brings again. */
static void start_round(struct webhooks *webhooks)
{
    struct round *round = &webhooks->round;
    int64_t now = loop_clock();
    if (webhooks->round_runs || webhooks->finished || !webhooks->jobs)
        return;
    if (now < webhooks->round_ended + (webhooks->soon ? ROUND_SOON : ROUND_PAUSE)) {
        plan_round(webhooks);
        return;
    }
    round->lease = !webhooks->leased || now >= webhooks->renewed + RENEW_AFTER;
    round->release = webhooks->finish_by && !sender_under_way(webhooks->sender);
    round->count = now >= webhooks->counted + COUNT_AFTER;
    round->outcome_count = webhooks->settling = webhooks->outcome_count;
    memcpy(round->outcomes, webhooks->outcomes,
           webhooks->outcome_count * sizeof webhooks->outcomes[0]);
    round->leased = round->settled = round->counted = false;
    round->collected = (struct webhook_collected){0};
    buffer_clear(&round->job.error);
    webhooks->round_runs = desk_jobs_add(webhooks->jobs, &round->job);
    webhooks->soon = false;
    if (webhooks->round_runs)
        return;
    webhooks->settling = 0; /* no thread could be started */
    webhooks->round_ended = now;
    plan_round(webhooks);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_reread(struct secret_file *file)
{
    struct webhooks *webhooks = container_of(file, struct webhooks, secrets);
    webhooks->stopped = false;
    webhooks->paused_until = 0;
    send_due(webhooks);
}

/* What the database calls this engine; the random part tells it from one before it in this pod. */
static bool make_owner(char owner[WEBHOOK_OWNER_MAX + 1])
{
    char host[WEBHOOK_OWNER_MAX - 8] = "";
    uint32_t random;
    (void)gethostname(host, sizeof host - 1);
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return false;
    snprintf(owner, WEBHOOK_OWNER_MAX + 1, "%.*s-%08x", (int)sizeof host - 2, host, random);
    return true;
}

static bool check(const struct webhooks_config *config, struct buffer *error)
{
    bool has_url = config->url && *config->url;
    bool has_secret = config->secret_file && *config->secret_file;
    const char *fault = has_url ? webhook_url_fault(config->url, config->allow_private) : NULL;
    if (fault)
        buffer_printf(error, "--webhook-url '%.*s': %s", (int)text_url_shown(config->url),
                      config->url, fault);
    else if (has_url && !has_secret)
        buffer_add_text(error, "--webhook-url needs --webhook-secret: webhooks are always signed");
    else if (!has_url && has_secret)
        buffer_add_text(error, "--webhook-secret needs --webhook-url");
    else
        return true;
    return false;
}

bool webhooks_new(const struct webhooks_config *config, struct webhooks **made,
                  struct buffer *error)
{
    *made = NULL;
    if (!check(config, error))
        return false;
    if (!config->url || !*config->url)
        return true;
    struct webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (!webhooks) {
        buffer_add_text(error, "webhooks: out of memory");
        return false;
    }
    webhooks->config = *config;
    webhooks->secrets.reread = on_reread;
    webhooks->timer.expired = on_timer;
    webhooks->pace.expired = on_pace;
    buffer_init(&webhooks->round.job.error, 1024);
    webhooks->round.job.run = round_run;
    webhooks->round.job.done = on_round;
    webhooks->round.channel = config->channel;
    webhooks->round.owner = webhooks->owner;
    buffer_add_text(error, "--webhook-secret ");
    if (!secret_file_open(&webhooks->secrets, config->secret_file, config->loop, config->log,
                          error)) {
        webhooks_free(webhooks);
        return false;
    }
    buffer_clear(error);
    webhooks->sender = sender_new(&(struct sender_config){
        .loop = config->loop,
        .url = config->url,
        .allow_private = config->allow_private,
        .secrets = &webhooks->secrets.secrets,
        .context = webhooks,
        .sent = on_sent,
    });
    if (webhooks->sender && make_owner(webhooks->owner)) {
        *made = webhooks;
        return true;
    }
    buffer_add_text(error, "webhooks: out of memory or descriptors");
    webhooks_free(webhooks);
    return false;
}

bool webhooks_start(struct webhooks *webhooks, struct store *store, struct buffer *error)
{
    if (!webhooks)
        return true;
    webhooks->jobs = desk_jobs_new(store, webhooks->config.loop, "webhooks", 1, 0);
    if (!webhooks->jobs) {
        buffer_add_text(error, "webhooks: out of memory or descriptors");
        return false;
    }
    webhooks->counted = -COUNT_AFTER;
    loop_arm(webhooks->config.loop, &webhooks->timer, loop_now(webhooks->config.loop));
    return true;
}

void webhooks_reread(struct webhooks *webhooks)
{
    if (webhooks)
        secret_file_reread(&webhooks->secrets);
}

bool webhooks_finished(struct webhooks *webhooks)
{
    if (!webhooks || webhooks->finished)
        return true;
    int64_t now = loop_clock();
    if (!webhooks->finish_by)
        webhooks->finish_by = now + WEBHOOKS_FINISH * LOOP_SECOND;
    if (now >= webhooks->finish_by)
        return true;
    if (!webhooks->leased && !webhooks->round_runs)
        return true;
    webhooks->soon = true;
    if (!sender_under_way(webhooks->sender))
        start_round(webhooks);
    return false;
}

void webhooks_stop(struct webhooks *webhooks)
{
    if (!webhooks)
        return;
    webhooks->finished = true; /* no more rounds */
    desk_jobs_stop(webhooks->jobs);
}

void webhooks_free(struct webhooks *webhooks)
{
    if (!webhooks)
        return;
    sender_free(webhooks->sender);
    desk_jobs_free(webhooks->jobs);
    secret_file_close(&webhooks->secrets);
    loop_remove_timer(webhooks->config.loop, &webhooks->timer);
    loop_remove_timer(webhooks->config.loop, &webhooks->pace);
    for (size_t i = 0; i < SENDER_AT_ONCE; i++)
        forget_due(&webhooks->sending[i]);
    round_free_due(&webhooks->round);
    buffer_free(&webhooks->round.job.error);
    free(webhooks);
}

bool webhooks_is_stopped(const struct webhooks *webhooks)
{
    return webhooks && webhooks->stopped;
}

void webhooks_metrics(const struct webhooks *webhooks, struct buffer *out)
{
    if (!webhooks)
        return;
    metrics_head(out, "webhook_tries_total", "counter",
                 "Tries to deliver a webhook; given_up are the failed ones that were the last.");
    metrics_sample(out, "webhook_tries_total", "result=\"delivered\"", webhooks->delivered);
    metrics_sample(out, "webhook_tries_total", "result=\"failed\"",
                   webhooks->failed - webhooks->given_up);
    metrics_sample(out, "webhook_tries_total", "result=\"given_up\"", webhooks->given_up);
    metrics_single(out, "webhook_rounds_total", "counter",
                   "Visits to the database for what is to be sent.", webhooks->rounds);
    metrics_single(out, "webhook_sender", "gauge",
                   "1 where this engine sends the channel's webhooks: one of them does.",
                   webhooks->leased);
    metrics_single(out, "webhook_stopped", "gauge", "1 after the receiver has answered 410.",
                   webhooks->stopped);
    metrics_single(out, "webhook_waiting", "gauge",
                   "Webhooks that wait to be delivered, told by the engine that sends.",
                   (uint64_t)webhooks->waiting_now);
    metrics_single(out, "webhook_given_up", "gauge",
                   "Webhooks that were given up and are kept, told by the engine that sends.",
                   (uint64_t)webhooks->given_up_now);
}
