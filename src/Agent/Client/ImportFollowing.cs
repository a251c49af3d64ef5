using EnvPlatform.Agent.Output;

namespace EnvPlatform.Agent.Client;

/// <summary>Follows an import of advisories to its end, and reports the outcome.</summary>
internal static class ImportFollowing
{
    private const int NamedRejections = 10;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    public static async Task<(ImportView Import, PlatformAnswer Answer)> UntilDoneAsync(
        PlatformClient client, string id, Progress progress, TimeProvider clock, CancellationToken ct)
    {
        while (true)
        {
            var answer = await client.GetAsync($"api/v1/advisories/imports/{Uri.EscapeDataString(id)}", CallOptions.Usual, ct);
            var import = answer.As(AgentJson.Default.ImportView);
            if (import.Status is "completed" or "failed")
            {
                return (import, answer);
            }

            var (step, detail, done) = Step(import);
            progress.Show(step, detail, done);
            await Task.Delay(Pause, clock, ct);
        }
    }

    /// <summary>The current step of an import.</summary>
    public static (string Step, string Detail, double? Done) Step(ImportView import) => import switch
    {
        { Phase: "queued" } => ("Waiting", "for its turn", null),
        { Phase: "counting", SetsTotal: > 0 and var total } =>
            ("Counting", $"{import.SetsCounted ?? 0} of {total} package sets", (double)(import.SetsCounted ?? 0) / total),
        { Phase: "matching", PackagesTotal: > 0 and var total } =>
            ("Matching", $"{import.PackagesMatched ?? 0} of {total} packages", (double)(import.PackagesMatched ?? 0) / total),
        { Phase: "matching" } => ("Comparing", $"{import.Advisories ?? 0} records with what is known", null),
        _ => ("Reading", $"{import.Advisories ?? 0} records so far", null),
    };

    /// <summary>The outcome of an import that is done.</summary>
    public static string Outcome(ImportView import) =>
        $"{import.Advisories ?? 0} "
        + (import.Format == AdvisoryFormat.Repodata ? $"packages of {import.Channel} for {import.Subdir}, by their names: "
            : import.Format is AdvisoryFormat.Parselmouth or AdvisoryFormat.Grayskull ? "conda names: " : "advisories: ")
        + $"{import.Added ?? 0} added, {import.Changed ?? 0} changed, {import.Withdrawn ?? 0} withdrawn, {import.Rejected ?? 0} rejected"
        + (import.NotEvaluable > 0 ? $"; {import.NotEvaluable} cannot be compared with installed versions." : ".");

    /// <summary>Names the first records that an import left out, or that cannot be compared.</summary>
    public static async Task TellRejectionsAsync(PlatformClient client, ImportView import, Screen screen, CancellationToken ct)
    {
        var rejected = (import.Rejected ?? 0) + (import.NotEvaluable ?? 0);
        if (import.Id is not { } id || rejected == 0)
        {
            return;
        }

        var answer = await client.GetAsync(
            $"api/v1/advisories/imports/{Uri.EscapeDataString(id)}/rejections?limit={NamedRejections}", CallOptions.Usual, ct);
        var named = answer.As(AgentJson.Default.PageRejectionView).Items;
        foreach (var rejection in named)
        {
            screen.Warn(rejection.Kind == "not_evaluable"
                ? $"{rejection.Text()}: {rejection.Reason}"
                : $"{rejection.Text()} is left out: {rejection.Reason}");
        }

        if (rejected > named.Count)
        {
            screen.Note($"{rejected - named.Count} more: 'envplatform advisories rejections {id}'.");
        }
    }
}
