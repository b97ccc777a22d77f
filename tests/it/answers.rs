//! One test for each line of the classification of answers (`audit-and-durability`, section 2), over HTTP.
