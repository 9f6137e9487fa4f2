-y ../../rtl/engines/tr
-y ../../rtl/codes
-y ../../rtl/common
dot_products.v
smoke.v
