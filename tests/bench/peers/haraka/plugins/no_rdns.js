'use strict'
// Without this Haraka asks the DNS for the name of each client.

exports.hook_lookup_rdns = (next) => next(OK, 'Unknown')
