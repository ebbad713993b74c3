import type { BatchContext } from './context.js';
import { Group } from './group.js';
import type { Member } from './member.js';
import type { BatchUrl } from './url.js';

/** The groups of one line. Members stay in theirs as others come and go. */
export interface Groups extends Iterable<Group> {
  has(group: Group): boolean;
  /** Puts a member into the first group that has room; failing ones among failing ones. Without one it begins a new group, which is returned. */
  place(member: Member, failing: boolean): Group | undefined;
  /** Takes a member out of its group, if it has one; with the last the group ends. */
  remove(member: Member): void;
  /** Lets a group that is at most half full go up in another, so that there are never two such. True if it did. */
  merge(group: Group): boolean;
  /** Moves half of a group's members to a new one; that one, if there was more than one member. */
  divide(group: Group): Group | undefined;
  close(): void;
}

export function createGroups(url: BatchUrl, context: BatchContext): Groups {
  const groups = new Set<Group>();
  /** Those that may have room: all others are full. */
  const roomy = new Set<Group>();

  function find(members: Iterable<Member>, failing: boolean, except?: Group): Group | undefined {
    for (const group of roomy) {
      if (group.members.size >= context.max) roomy.delete(group);
      else if (group !== except && group.failing === failing && group.fits(members)) return group;
    }
    return undefined;
  }

  function begin(members: Iterable<Member>): Group {
    const group = new Group(url, context);
    for (const member of members) group.add(member);
    groups.add(group);
    roomy.add(group);
    return group;
  }

  function end(group: Group): void {
    groups.delete(group);
    roomy.delete(group);
    group.end();
  }

  return {
    has: (group) => groups.has(group),
    [Symbol.iterator]: () => groups.values(),
    place(member, failing) {
      const group = find([member], failing);
      group?.add(member);
      return group ? undefined : begin([member]);
    },
    remove(member) {
      const { group } = member;
      if (!group) return;
      group.delete(member);
      if (group.members.size === 0) end(group);
      else roomy.add(group);
    },
    merge(group) {
      if (group.members.size > context.max / 2) return false;
      const other = find(group.members, group.failing, group);
      if (!other) return false;
      for (const member of group.members) {
        group.delete(member);
        other.add(member);
      }
      end(group);
      return true;
    },
    divide(group) {
      const members = [...group.members];
      const moved = members.slice(Math.ceil(members.length / 2));
      if (moved.length === 0) return undefined;
      for (const member of moved) group.delete(member);
      roomy.add(group);
      return begin(moved);
    },
    close() {
      for (const group of groups) end(group);
    },
  };
}
