using System.Net;

namespace EnvPlatform.Agent.Client;

/// <summary>The platform answered with an error.</summary>
internal sealed class RefusedException(HttpStatusCode status, string message, string? code) : AgentException(message)
{
    /// <summary>The code of the answer to somebody who has no seat: nothing is wrong, and nothing can be done here.</summary>
    private const string SeatRequired = "seat_required";

    public HttpStatusCode Status { get; } = status;

    /// <summary>The problem's machine-readable code, such as <c>packages_required</c>; null where it has none.</summary>
    public string? Code { get; } = code;

    /// <summary>The code of an organization that does not manage environments: it takes no logs.</summary>
    public const string EnvironmentsDisabled = "environments_disabled";

    /// <summary>Refusals that members meet, in plain words: nothing is wrong with the request.</summary>
    private static string? PlainText(string? code) => code switch
    {
        EnvironmentsDisabled =>
            "The organization does not manage environments, so nothing was logged: an administrator switches it on in its settings.",
        "seat_required" =>
            "You have no seat for environments in this organization, so nothing was logged: ask an administrator for one. What is blocked "
            + "stays blocked.",
        "member_suspended" =>
            "Your membership in this organization is suspended: ask an administrator of the organization. What is blocked stays blocked.",
        _ => null,
    };

    /// <summary>The sentence for an error answer: title, detail, invalid fields, trace id, and what to do where that is known.</summary>
    public static RefusedException Of(HttpStatusCode status, Problem? problem)
    {
        if (problem is { Code: SeatRequired, Detail: { Length: > 0 } detail })
        {
            return new RefusedException(status, $"{detail} Ask an administrator of the organization for one.", problem.Code);
        }

        if (PlainText(problem?.Code) is { } plain)
        {
            return new RefusedException(status, plain, problem!.Code);
        }

        var said = string.Join(": ", new[] { problem?.Title, problem?.Detail }.Where(text => !string.IsNullOrWhiteSpace(text))
            .Select(text => text!.Trim().TrimEnd('.')));
        var fields = problem?.Errors is { Count: > 0 } errors
            ? " (" + string.Join("; ", errors.Select(error => $"{error.Key}: {string.Join(" ", error.Value)}")) + ")"
            : "";
        var trace = problem?.TraceId is { Length: > 0 } id ? $" [trace {id}]" : "";
        var advice = status switch
        {
            HttpStatusCode.Unauthorized => " The sign-in is not valid, has expired or was revoked: run 'envplatform login'.",
            HttpStatusCode.Forbidden => " Ask an administrator of the organization.",
            HttpStatusCode.TooManyRequests => " Try again in a while.",
            >= HttpStatusCode.InternalServerError => " Try again; tell the operator the trace id if it stays so.",
            _ => "",
        };
        return new RefusedException(
            status, $"The platform answered {(int)status}{(said.Length > 0 ? " " + said : "")}{fields}.{trace}{advice}", problem?.Code);
    }
}

/// <summary>The platform gave no answer: not reachable, too slow, or not the platform.</summary>
internal sealed class UnreachableException(string message) : AgentException(message);
