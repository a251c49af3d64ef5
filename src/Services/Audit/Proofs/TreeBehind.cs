using EnvPlatform.ServiceDefaults;

using Microsoft.AspNetCore.Http.HttpResults;

namespace EnvPlatform.Audit.Proofs;

/// <summary>The answer where a tree has fewer leaves than a proof needs.</summary>
internal static class TreeBehind
{
    /// <param name="isAsked">The caller gave the size; otherwise the events are there, and their leaves are still to come.</param>
    public static ProblemHttpResult Answer(HttpContext http, bool isAsked)
    {
        if (isAsked)
        {
            return Problems.NotFound("The log has no tree of that size.");
        }

        http.Response.Headers.RetryAfter = "5";
        return Problems.Of(
            StatusCodes.Status503ServiceUnavailable, "tree_behind", "Not yet.",
            "The tree of this log is still being built from its events.");
    }
}
