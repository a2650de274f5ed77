/* histogram_borders.h - the 64 bucket borders of one octave of nanoseconds. Private to histogram.c.
 * Border k is floor(2^((k - 57) / 64) * 10^9 * 2^34), all scaled into [2^63, 2^64): a border in ns
 * is one of these, shifted. Only border 57 (one second) is a whole number, so for every other one
 * "greater" and "greater or equal" are the same. Source: 64th roots in exact integer arithmetic;
 * test_histogram.c checks them. */
#ifndef WEFT_MODEL_HISTOGRAM_BORDERS_H
#define WEFT_MODEL_HISTOGRAM_BORDERS_H

#include <stdint.h>

// clang-format off
static const uint64_t octave_borders[64] = {
    0x80992abb83a534a2, 0x81ffa7a9549ca6e3, 0x836a0bee9d9d5401, 0x84d8626d3118d396,
    0x864ab625376b7b77, 0x87c11235836d16a3, 0x893b81dbe7ed5966, 0x8aba10758e1ea3cf,
    0x8c3cc97f4cf1aadd, 0x8dc3b8960164a7d9, 0x8f4ee976e7c8b4cc, 0x90de67fff600044c,
    0x9272403036b7aa56, 0x940a7e28259fb382, 0x95a72e2a0ca44f7c, 0x97485c9a622adb60,
    0x98ee16002855a076, 0x9a9867054d512391, 0x9c475c770cade96d, 0x9dfb034651c99c68,
    0x9fb368881b4a8811, 0xa1709975dfb06757, 0xa332a36df2fd8a6a, 0xa4f993f3ed7b61ca,
    0xa6c578b1139d848c, 0xa8965f74bf065071, 0xaa6c5634c8b04b16, 0xac476b0df43f745f,
    0xae27ac445c7dc318, 0xb00d2843e1060dc2, 0xb1f7eda09520aa93, 0xb3e80b172fd51af7,
    0xb5dd8f8d7d341ffd, 0xb7d88a12d0dd9ea0, 0xb9d909e079c5c456, 0xbbdf1e5a373ce5c6,
    0xbdead70eaf3d9b5a, 0xbffc43b7e604a922, 0xc213743bb6f64957, 0xc43078ac4ed47ae7,
    0xc6536148a749ff7d, 0xc87c3e7d03cdbec3, 0xcaab20e36fe24ee5, 0xcce019443eb56ce4,
    0xcf1b38968c2339b8, 0xd15c9000bf211c1f, 0xd3a430d90d943190, 0xd5f22ca6019743e0,
    0xd846951f0034440a, 0xdaa17c2cd19555db, 0xdd02f3ea2ab18362, 0xdf6b0ea438793a89,
    0xe1d9dedb2c86c2b2, 0xe44f7742cb56e3dd, 0xe6cbeac2fc0e04aa, 0xe94f4c7859ce1066,
    0xebd9afb4c6a18262, 0xee6b280000000000, 0xf103c91834f0f723, 0xf3a3a6f29dd0c333,
    0xf64ad5bc15bce751, 0xf8f969d9b5abf948, 0xfbaf77e97135e555, 0xfe6d14c2b5114024,
};

/* The middle between border k - 1 and border k, rounded down, scaled into 32 bits. */
static const uint32_t octave_middles[64] = {
    0x7fe7da8e, 0x814c6932, 0x82b4d9cb, 0x8421372d, 0x85918c49, 0x8705e42d, 0x887e4a08, 0x89fac928,
    0x8b7b6cfa, 0x8d00410a, 0x8e895106, 0x9016a8bb, 0x91a85418, 0x933e5f2c, 0x94d8d629, 0x9677c562,
    0x981b394d, 0x99c33e82, 0x9b6fe1be, 0x9d212fde, 0x9ed735e7, 0xa09200fe, 0xa2519e71, 0xa4161bb0,
    0xa5df8652, 0xa7adec12, 0xa9815ad4, 0xab59e0a1, 0xad378ba9, 0xaf1a6a44, 0xb1028af2, 0xb2effc5b,
    0xb4e2cd52, 0xb6db0cd0, 0xb8d8c9f9, 0xbadc141d, 0xbce4fab4, 0xbef38d63, 0xc107dbf9, 0xc321f674,
    0xc541ecfa, 0xc767cfe2, 0xc993afb0, 0xcbc59d13, 0xcdfda8ed, 0xd03be44b, 0xd280606c, 0xd4cb2ebf,
    0xd71c60e2, 0xd97408a5, 0xdbd2380b, 0xde370147, 0xe0a276bf, 0xe314ab0e, 0xe58db102, 0xe80d9b9d,
    0xea947e16, 0xed226bda, 0xefb7788c, 0xf253b805, 0xf4f73e57, 0xf7a21fca, 0xfa5470e1, 0xfd0e4656,
};

/* How many borders lie below the t-th of 128 equal steps of the octave; at most one more lies
 * inside the step. */
static const uint8_t octave_guess[128] = {
    0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8, 9, 10, 10,
    11, 12, 12, 13, 13, 14, 15, 15, 16, 17, 17, 18, 18, 19, 20, 20,
    21, 21, 22, 22, 23, 24, 24, 25, 25, 26, 26, 27, 27, 28, 28, 29,
    29, 30, 31, 31, 32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37,
    38, 38, 38, 39, 39, 40, 40, 41, 41, 42, 42, 43, 43, 44, 44, 44,
    45, 45, 46, 46, 47, 47, 48, 48, 48, 49, 49, 50, 50, 50, 51, 51,
    52, 52, 53, 53, 53, 54, 54, 55, 55, 55, 56, 56, 57, 57, 57, 58,
    58, 58, 59, 59, 60, 60, 60, 61, 61, 62, 62, 62, 63, 63, 63, 64,
};
// clang-format on

#endif
