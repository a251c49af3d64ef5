using System.Globalization;

using EnvPlatform.Contracts.Events;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Audit.AuditLogs;

/// <summary>The catalogue of actions that the audit log knows.</summary>
internal static class ListActions
{
    public sealed record Action(string ActionKey, string ActionVerb, string Category, string DisplayName);

    public sealed record Catalogue(IReadOnlyList<Action> Items, int TotalCount);

    private static readonly Catalogue Actions = Create();

    public static void MapListActions(this IEndpointRouteBuilder logs) =>
        logs.MapGet("/actions", Handle).RequireAuthorization(AuditReaders.Policy).WithName(nameof(ListActions))
            .WithSummary("The catalogue of audited actions.");

    private static Ok<Catalogue> Handle() => TypedResults.Ok(Actions);

    private static Catalogue Create()
    {
        var actions = AuditActions.CategoryOf
            .Select(pair => new Action(
                pair.Key, AuditActions.VerbOf(pair.Key), pair.Value,
                CultureInfo.InvariantCulture.TextInfo.ToTitleCase(pair.Key.Replace('_', ' '))))
            .OrderBy(action => action.Category, StringComparer.Ordinal).ThenBy(action => action.ActionKey, StringComparer.Ordinal).ToList();
        return new(actions, actions.Count);
    }
}
