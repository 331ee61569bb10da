/* What booking-main does besides serving: its subcommands. Each gets its own name as argv[0] and
 * returns the exit status.
 */
#ifndef BOOKING_COMMANDS_COMMANDS_H
#define BOOKING_COMMANDS_COMMANDS_H

/* booking-main import FILE: replaces the fleet in the database. */
int command_import(int argc, char **argv);

/* booking-main backup FILE: copies the database while engines run on it. */
int command_backup(int argc, char **argv);

#endif
