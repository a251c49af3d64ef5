namespace EnvPlatform.Postgres;

/// <summary>Of several messages about one row, the newest.</summary>
public static class Newest
{
    /// <summary>
    /// The item with the highest version for each key (the first of equals), in ascending order of the keys: one statement cannot write a
    /// row twice, and transactions that lock rows in the same order cannot deadlock.
    /// </summary>
    public static T[] NewestBy<T, TKey, TVersion>(this IEnumerable<T> items, Func<T, TKey> key, Func<T, TVersion> version) =>
        [.. items.GroupBy(key).Select(same => same.MaxBy(version)!).OrderBy(key)];
}
