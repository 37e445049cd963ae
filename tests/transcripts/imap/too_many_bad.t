# Twenty bad commands in a row, then BYE.
R: 1 X\r\n2 X\r\n3 X\r\n4 X\r\n5 X\r\n6 X\r\n7 X\r\n8 X\r\n9 X\r\n10 X\r\n
R: 11 X\r\n12 X\r\n13 X\r\n14 X\r\n15 X\r\n16 X\r\n17 X\r\n18 X\r\n19 X\r\n20 X\r\n21 X\r\n
S: ...
S: 20 BAD Unknown command
S: * BYE Too many bad commands
S: <END>
