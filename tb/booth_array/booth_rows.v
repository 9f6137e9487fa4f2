// booth_rows: both ways of writing a Booth row side by side; equal must stay 1.
//
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module booth_rows #(
  parameter X_W = 9
) (
  input  wire [2:0]     digit,
  input  wire [X_W-1:0] value,
  input  wire [X_W-1:0] previous,
  output wire [X_W+1:0] result,
  output wire           equal
);
  wire [X_W+1:0] placed;

  shw_booth_row #(.X_W(X_W), .FAMILY("generic")) generic_row (
    .digit(digit), .value(value), .previous(previous), .result(result)
  );
  shw_booth_row #(.X_W(X_W), .FAMILY("xc7")) placed_row (
    .digit(digit), .value(value), .previous(previous), .result(placed)
  );

  assign equal = result == placed;
endmodule

`default_nettype wire
