#pragma once
// All batch transforms.

#include <glia/data/augment.hpp>
#include <glia/data/mix.hpp>
#include <glia/data/rotate.hpp>
