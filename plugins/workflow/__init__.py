"""Job type `workflow`: tasks in order, parallel, each and subjob, with expressions between them."""
