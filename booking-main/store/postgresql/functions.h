/* booking_group(): the store's operations as one function on the server, so that a group of them is
 * one round trip. It is made anew after any step of the schema, so a change of it needs a step,
 * which may be empty.
 *
 * `requests` is a JSON array of objects, see group.c. It carries them out one after the other, each
 * as if it were alone, and returns a row for each, in their order.
 *
 * First it locks the cars of all requests, in the order of their numbers, so that two groups never
 * wait for each other in a circle. Their numbers are an array: of a join with the JSON the planner
 * would not know how few rows there are, and have all cars read. Whatever is looked at afterwards
 * is looked at by a statement of its own: in READ COMMITTED a statement sees what was committed
 * before it began, and one that locked and looked at once would see what was there before it
 * waited.
 *
 * Last it takes the numbers of the events (see schema.c); this lock lasts until the commit. Groups
 * of other engines wait for it at an advisory lock ("BOOK" + 2), which is a queue. Those that wait
 * for a row follow it from version to version instead, all of them with every commit: with a
 * hundred engines that took three quarters of the bookings.
 *
 * `again` says that the group may have been carried out already, and that only its answer was lost.
 * Then a booking that is there is a success. Every other operation can be done twice anyway.
 *
 * States in conditions are literals where the partial index on live bookings is to be used.
 *
 * Results and operations are the numbers of enum store_result and enum store_operation, states
 * those of enum booking_state, changes those of enum store_change, and `by` is of enum store_by.
 */
#ifndef BOOKING_STORE_POSTGRESQL_FUNCTIONS_H
#define BOOKING_STORE_POSTGRESQL_FUNCTIONS_H

/* clang-format off */
#define PG_FUNCTIONS \
"CREATE OR REPLACE FUNCTION booking_history(booking_id text, at bigint, what text, by integer,\n" \
"  actor text) RETURNS void LANGUAGE sql AS $function$\n" \
"  INSERT INTO history (booking_id, number, at, what, by, actor, reason, detail)\n" \
"  SELECT $1, coalesce(max(h.number), 0) + 1, $2, $3, $4, $5, '', '' FROM history h\n" \
"  WHERE h.booking_id = $1\n" \
"$function$;\n" \
"CREATE OR REPLACE FUNCTION booking_group(requests json, store_time bigint, event_time bigint, again boolean)\n" \
"RETURNS TABLE (place integer, result integer, id text, channel text, reference text, car bigint,\n" \
"  pickup_at integer, return_at integer, state integer, expires_at bigint, day_price bigint,\n" \
"  hour_price bigint, total bigint, currency text, carid text, location text, category text,\n" \
"  turnaround integer)\n" \
"LANGUAGE plpgsql AS $function$\n" \
"#variable_conflict use_column\n" \
"DECLARE\n" \
"  ok CONSTANT integer := 0; not_found CONSTANT integer := 1; car_taken CONSTANT integer := 2;\n" \
"  car_changed CONSTANT integer := 3; wrong_state CONSTANT integer := 4;\n" \
"  key_exists CONSTANT integer := 5; unavailable CONSTANT integer := 6;\n" \
"  book CONSTANT integer := 0; confirm CONSTANT integer := 2; cancel CONSTANT integer := 3;\n" \
"  expire CONSTANT integer := 4;\n" \
"  held CONSTANT integer := 1; booked CONSTANT integer := 2; cancelled CONSTANT integer := 3;\n" \
"  expired CONSTANT integer := 4;\n" \
"  change_held CONSTANT integer := 1; change_booked CONSTANT integer := 2;\n" \
"  change_confirmed CONSTANT integer := 3; change_cancelled CONSTANT integer := 5;\n" \
"  change_expired CONSTANT integer := 6;\n" \
"  r record; b bookings%ROWTYPE; c cars%ROWTYPE; o bookings%ROWTYPE; fleet_currency text; fleet_turnaround integer;\n" \
"  answered boolean; allowed boolean; outcome integer; goal integer; past boolean;\n" \
"  kinds integer[] := '{}'; cars_of bigint[] := '{}'; pickups integer[] := '{}';\n" \
"  returns_of integer[] := '{}'; expiries bigint[] := '{}'; ids text[] := '{}';\n" \
"  changes integer[] := '{}'; channels text[] := '{}';\n" \
"  count_of integer; last_number bigint; wanted bigint[];\n" \
"BEGIN\n" \
"  wanted := ARRAY(SELECT CASE WHEN q.operation = book THEN q.car\n" \
"    ELSE (SELECT s.car FROM bookings s WHERE s.id = q.id) END\n" \
"    FROM json_to_recordset(requests) AS q (operation integer, car bigint, id text));\n" \
"  PERFORM 1 FROM cars k WHERE k.number = ANY (wanted) ORDER BY k.number FOR NO KEY UPDATE;\n" \
"  SELECT m.value INTO fleet_currency FROM meta m WHERE m.name = 'currency';\n" \
"  SELECT m.value::integer INTO fleet_turnaround FROM meta m WHERE m.name = 'turnaround';\n" \
"  FOR r IN SELECT * FROM json_to_recordset(requests) AS q (operation integer, now bigint, id text,\n" \
"    channel text, reference text, car bigint, pickup_at integer, return_at integer,\n" \
"    state integer, expires_at bigint, day_price bigint, hour_price bigint, total bigint,\n" \
"    currency text, location text, category text, turnaround integer, key text, request text, status integer,\n" \
"    answer_location text, content_type text, body text)\n" \
"  LOOP\n" \
"    place := coalesce(place + 1, 0); b := NULL; past := false; allowed := false;\n" \
"    answered := r.key IS NOT NULL AND EXISTS (SELECT 1 FROM answers a\n" \
"      WHERE a.channel = r.channel AND a.key = r.key);\n" \
"    IF r.operation = book THEN\n" \
"      IF again THEN\n" \
"        SELECT s.* INTO b FROM all_bookings s WHERE s.id = r.id AND s.channel = r.channel;\n" \
"      END IF;\n" \
"      IF b.id IS NOT NULL THEN outcome := ok;\n" \
"      ELSIF answered THEN outcome := key_exists;\n" \
"      ELSE\n" \
"        SELECT k.* INTO c FROM cars k WHERE k.number = r.car;\n" \
"        IF c.number IS NULL OR c.offered = 0 OR c.day_price <> r.day_price\n" \
"           OR c.hour_price IS DISTINCT FROM r.hour_price OR c.location <> r.location\n" \
"           OR c.category <> r.category OR fleet_currency <> r.currency\n" \
"           OR coalesce(c.turnaround, fleet_turnaround) <> r.turnaround THEN\n" \
"          outcome := car_changed;\n" \
"        ELSE\n" \
"          FOR o IN UPDATE bookings s SET state = expired, version = s.version + 1\n" \
"            WHERE s.car = r.car AND s.state = 1 AND s.expires_at <= r.now\n" \
"            AND int4range(s.pickup_at, s.return_at + s.turnaround) &&\n" \
"            int4range(r.pickup_at, r.return_at + r.turnaround) RETURNING s.*\n" \
"          LOOP\n" \
"            kinds := kinds || 2; cars_of := cars_of || o.car; pickups := pickups || o.pickup_at;\n" \
"            returns_of := returns_of || o.return_at + o.turnaround; expiries := expiries || 0::bigint;\n" \
"            ids := ids || o.id; changes := changes || change_expired; channels := channels || o.channel;\n" \
"            PERFORM booking_history(o.id, r.now, 'expired', 3, '');\n" \
"          END LOOP;\n" \
"          IF EXISTS (SELECT 1 FROM bookings s WHERE s.car = r.car AND s.state IN (1, 2, 5)\n" \
"            AND int4range(s.pickup_at, s.return_at + s.turnaround) &&\n" \
"            int4range(r.pickup_at, r.return_at + r.turnaround)) THEN\n" \
"            outcome := car_taken;\n" \
"          ELSIF EXISTS (SELECT 1 FROM all_bookings s WHERE s.id = r.id) THEN\n" \
"            outcome := unavailable;\n" \
"          ELSE\n" \
"            INSERT INTO bookings AS s (id, car, pickup_at, return_at, state, expires_at, channel,\n" \
"              reference, day_price, hour_price, total, currency, location, category, created_at,\n" \
"              turnaround)\n" \
"            VALUES (r.id, r.car, r.pickup_at, r.return_at, r.state, r.expires_at, r.channel,\n" \
"              r.reference, r.day_price, r.hour_price, r.total, r.currency, r.location,\n" \
"              r.category, r.now, r.turnaround) RETURNING s.* INTO b;\n" \
"            kinds := kinds || 1; cars_of := cars_of || b.car; pickups := pickups || b.pickup_at;\n" \
"            returns_of := returns_of || b.return_at + b.turnaround; ids := ids || b.id;\n" \
"            expiries := expiries || CASE b.state WHEN held THEN b.expires_at ELSE 0 END;\n" \
"            changes := changes || CASE b.state WHEN held THEN change_held ELSE change_booked END;\n" \
"            channels := channels || b.channel;\n" \
"            outcome := ok; allowed := true;\n" \
"          END IF;\n" \
"        END IF;\n" \
"      END IF;\n" \
"    ELSIF r.operation = confirm AND answered THEN outcome := key_exists;\n" \
"    ELSE\n" \
"      SELECT s.* INTO b FROM bookings s WHERE s.id = r.id\n" \
"        AND (s.channel = r.channel OR (r.operation = expire AND r.channel = ''))\n" \
"        FOR NO KEY UPDATE;\n" \
"      IF b.id IS NULL THEN\n" \
"        SELECT s.* INTO b FROM past_bookings s WHERE s.id = r.id\n" \
"          AND (s.channel = r.channel OR (r.operation = expire AND r.channel = ''));\n" \
"        past := true;\n" \
"      END IF;\n" \
"      IF b.id IS NULL THEN outcome := not_found;\n" \
"      ELSE\n" \
"        goal := CASE r.operation WHEN confirm THEN booked WHEN cancel THEN cancelled\n" \
"          ELSE expired END;\n" \
"        allowed := NOT past AND CASE r.operation\n" \
"          WHEN confirm THEN b.state = held AND b.expires_at > r.now\n" \
"          WHEN cancel THEN (b.state = held AND b.expires_at > r.now)\n" \
"            OR (b.state = booked AND b.pickup_at::bigint * 60 > r.now)\n" \
"          ELSE b.state = held AND b.expires_at <= r.now END;\n" \
"        outcome := CASE WHEN allowed THEN ok ELSE wrong_state END;\n" \
"        IF NOT allowed AND NOT past AND r.operation = confirm AND b.state = held THEN\n" \
"          goal := expired; allowed := true;\n" \
"        END IF;\n" \
"        IF allowed THEN\n" \
"          UPDATE bookings s SET state = goal, version = s.version + 1 WHERE s.id = r.id\n" \
"            RETURNING s.* INTO b;\n" \
"          PERFORM booking_history(b.id, r.now, CASE goal WHEN booked THEN 'confirmed'\n" \
"            WHEN cancelled THEN 'cancelled' ELSE 'expired' END, CASE goal WHEN expired THEN 3\n" \
"            ELSE 1 END, CASE goal WHEN expired THEN '' ELSE b.channel END);\n" \
"          kinds := kinds || CASE goal WHEN booked THEN 1 ELSE 2 END;\n" \
"          cars_of := cars_of || b.car; pickups := pickups || b.pickup_at;\n" \
"          returns_of := returns_of || b.return_at + b.turnaround; expiries := expiries || 0::bigint;\n" \
"          ids := ids || b.id; channels := channels || b.channel;\n" \
"          changes := changes || CASE goal WHEN booked THEN change_confirmed\n" \
"            WHEN cancelled THEN change_cancelled ELSE change_expired END;\n" \
"        END IF;\n" \
"      END IF;\n" \
"    END IF;\n" \
"    IF outcome = ok AND allowed AND r.key IS NOT NULL AND r.operation IN (book, confirm) THEN\n" \
"      INSERT INTO answers (channel, key, request, status, location, content_type, body, at)\n" \
"      VALUES (r.channel, r.key, r.request, r.status, r.answer_location, r.content_type, decode(r.body, 'hex'),\n" \
"        store_time);\n" \
"    END IF;\n" \
"    result := outcome; id := NULL;\n" \
"    IF b.id IS NOT NULL THEN\n" \
"      id := b.id; channel := b.channel; reference := b.reference; car := b.car;\n" \
"      pickup_at := b.pickup_at; return_at := b.return_at; state := b.state;\n" \
"      expires_at := b.expires_at; day_price := b.day_price; hour_price := b.hour_price;\n" \
"      total := b.total; currency := b.currency; location := b.location;\n" \
"      category := b.category; turnaround := b.turnaround;\n" \
"      SELECT k.carid INTO carid FROM cars k WHERE k.number = b.car;\n" \
"    END IF;\n" \
"    RETURN NEXT;\n" \
"  END LOOP;\n" \
"  count_of := cardinality(kinds);\n" \
"  IF count_of > 0 THEN\n" \
"    PERFORM pg_advisory_xact_lock(1112493901);\n" \
"    UPDATE event_counter n SET last = n.last + count_of RETURNING n.last INTO last_number;\n" \
"    INSERT INTO events (number, kind, car, pickup_at, return_at, expires_at, booking_id, at,\n" \
"      change, by, channel)\n" \
"    SELECT last_number - count_of + e.place_of, e.kind_of, e.car_of, e.pickup_of, e.return_of,\n" \
"      e.expiry_of, e.id_of, event_time, e.change_of,\n" \
"      CASE e.change_of WHEN change_expired THEN 3 ELSE 1 END, e.channel_of\n" \
"    FROM unnest(kinds, cars_of, pickups, returns_of, expiries, ids, changes, channels)\n" \
"      WITH ORDINALITY AS e (kind_of, car_of, pickup_of, return_of, expiry_of, id_of, change_of,\n" \
"      channel_of, place_of);\n" \
"  END IF;\n" \
"END $function$;"
/* clang-format on */

#endif
