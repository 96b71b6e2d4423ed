export const flashAttention2 = {};
