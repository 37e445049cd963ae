// Ends one reading of settings.def.  No include guard: it is included after each.
#undef SETTING_SECTION
#undef SETTING_BOOL
#undef SETTING_INT
#undef SETTING_QUOTA
#undef SETTING_WORD
#undef SETTING_TEXT
#undef SETTING_PATH
#undef SETTING_LIST
#undef SETTING_IGNORED
