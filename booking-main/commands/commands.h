/* What booking-main does besides serving: its subcommands. Each gets its own name as argv[0] and
 * returns the exit status.
 */
#ifndef BOOKING_COMMANDS_COMMANDS_H
#define BOOKING_COMMANDS_COMMANDS_H

/* booking-main import FILE: replaces the fleet in the database. */
int command_import(int argc, char **argv);

/* booking-main backup FILE: copies the database while engines run on it. */
int command_backup(int argc, char **argv);

/* The operator's desk (store/desk/desk.h), on the database itself. */
int command_bookings(int argc, char **argv);
int command_booking(int argc, char **argv);
int command_cancel(int argc, char **argv);
int command_change(int argc, char **argv);
int command_returned(int argc, char **argv);
int command_block(int argc, char **argv);
int command_unblock(int argc, char **argv);
int command_export(int argc, char **argv);
int command_cars(int argc, char **argv);
int command_day(int argc, char **argv);
int command_set(int argc, char **argv);
int command_webhooks(int argc, char **argv);

#endif
