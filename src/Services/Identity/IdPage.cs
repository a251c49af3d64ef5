using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults;

namespace EnvPlatform.Identity;

/// <summary>Lists that sort by time of creation, which is the order of their ids (UUIDv7).</summary>
internal static class IdPage
{
    public const string DefaultSort = "created_at";

    public static IReadOnlyDictionary<string, string> Sorts { get; } = new Dictionary<string, string> { [DefaultSort] = "id" };

    /// <summary>Takes one item more than the page holds, to know whether there is a next page.</summary>
    public static object Parameters(
        PageQuery page, OrganizationId organization, SubjectId? owner, DateTimeOffset now, SubjectId? self = null) => new
        {
            Org = organization,
            Owner = owner,
            Self = self,
            Now = now,
            After = After(page),
            page.Descending,
            Take = page.Limit + 1,
        };

    public static Guid? After(PageQuery page) => page.After is [{ } id] && Guid.TryParse(id, out var after) ? after : null;

    public static Page<T> Of<T>(PageQuery page, List<T> items, long total, Func<T, Guid> idOf) =>
        items.Count <= page.Limit
            ? new(items, total, null)
            : new(items[..page.Limit], total, page.Next(idOf(items[page.Limit - 1]).ToString()));
}
