# The peer of balance.py: anticlust's k-plus (means and spreads) on age, levels as binary features.
# Usage: Rscript anticlust.R LIST.csv K METHOD OUT.csv; prints the processor's seconds for the call.
arguments <- commandArgs(trailingOnly = TRUE)
pupils <- read.csv(arguments[1])
K <- as.integer(arguments[2])
suppressPackageStartupMessages(library(anticlust))
levels <- categories_to_binary(pupils[, c("sex", "origin", "area", "special")])
set.seed(1)
age <- pupils$age_months
run <- switch(arguments[3],
  "k-plus" = function() anticlustering(cbind(kplus_moment_variables(age, T = 2), levels), K = K,
    objective = "variance", method = "local-maximum", standardize = TRUE),
  "exchange" = function() anticlustering(cbind(age, levels), K = K,
    objective = "variance", method = "exchange", standardize = TRUE),
  "fast" = function() fast_anticlustering(scale(cbind(age, levels)), K = K, k_neighbours = 20)
)
seconds <- sum(system.time(classes <- run())[c("user.self", "sys.self")])
write.csv(data.frame(class = classes), arguments[4], row.names = FALSE)
cat(seconds)
